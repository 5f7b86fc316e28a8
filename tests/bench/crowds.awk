# One row of scripts/bench about a crowd, from its rounds:
#   p50-alone p99-alone p50-with p99-with bytes-a-connection        latencies in microseconds
# Variables: name, goal (the p99's ratio), limit (of bytes; empty: none). Prints a line of JSON.
{
  n = NR
  alone50[n] = $1; alone99[n] = $2; with50[n] = $3; with99[n] = $4
  ratio[n] = $4 / $2
  if (n == 1 || $5 > bytes) bytes = $5
  pairs = pairs (n > 1 ? "," : "") sprintf("%.3f", ratio[n])
}

END {
  sort(alone50, n); sort(alone99, n); sort(with50, n); sort(with99, n); sort(ratio, n)
  k = interval_rank(n)
  m = median(ratio, n)
  good = m <= goal && (limit == "" || bytes < limit)
  printf "{\"name\":\"%s\",\"unit\":\"p99 us\",\"alone\":%.0f,\"crowd\":%.0f,\"ratio\":%.3f,\"low\":%.3f,\"high\":%.3f,\"goal\":%s,\"ok\":%s,",
    name, median(alone99, n), median(with99, n), m, ratio[k], ratio[n + 1 - k], goal, good ? "true" : "false"
  printf "\"alone50\":%.0f,\"crowd50\":%.0f,\"bytesPerConnection\":%.0f,\"ratios\":[%s]}\n",
    median(alone50, n), median(with50, n), bytes, pairs
}
