# One row of scripts/bench about a crowd as a line of JSON, from its rounds:
#   p50-alone p99-alone p50-with p99-with bytes-a-connection        latencies in microseconds
# Variables: name, goal (of the p99's ratio), limit (of the bytes; empty: none).
{
  n = NR
  alone50[n] = $1; alone99[n] = $2; with50[n] = $3; with99[n] = $4
  ratio[n] = $4 / $2
  ratios = ratios (n > 1 ? "," : "") sprintf("%.3f", ratio[n])
  if ($5 > bytes) bytes = $5
}

END {
  if (!n) exit 1
  sort(alone50, n); sort(alone99, n); sort(with50, n); sort(with99, n); sort(ratio, n)
  k = interval_rank(n)
  m = median(ratio, n)
  good = m <= goal && (limit == "" || bytes < limit)
  printf "{\"name\":\"%s\",\"unit\":\"p99 us\",\"columns\":[%.0f,%.0f],\"ratio\":%.3f,\"low\":%.3f,\"high\":%.3f,\"goal\":%s,\"ok\":%s,",
    name, median(alone99, n), median(with99, n), m, ratio[k], ratio[n + 1 - k], goal, good ? "true" : "false"
  printf "\"remark\":\"p50 %.0f : %.0f us; %.0f bytes of user memory a connection\",\"ratios\":[%s]}\n",
    median(alone50, n), median(with50, n), bytes, ratios
}
