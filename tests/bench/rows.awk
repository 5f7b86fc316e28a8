# One row of scripts/bench as a line of JSON, from its runs:
#   server pair requests bytes microseconds server-ticks load-user-seconds load-system-seconds
# Variables: other (the server that ours is compared with), name, goal, unit (requests or bytes), hz.
{
  rate[$1, $2] = (unit == "bytes" ? $4 / 1e6 : $3) / ($5 / 1e6)
  cost[$1, $2] = $6 / hz * 1e6 / ($3 ? $3 : 1)
  load[$1, $2] = ($7 + $8) / ($5 / 1e6)
  if ($2 > n) n = $2
}

function middle(of, server,   i, value) {
  for (i = 1; i <= n; i++) value[i] = of[server, i]
  sort(value, n)
  return median(value, n)
}

END {
  if (!n) exit 1
  for (i = 1; i <= n; i++) {
    ratio[i] = rate["ours", i] / rate[other, i]
    ratios = ratios (i > 1 ? "," : "") sprintf("%.3f", ratio[i])
  }
  sort(ratio, n)
  k = interval_rank(n)
  m = median(ratio, n)
  # "As fast": 0.97 will do where the measurement cannot tell it from 1.
  good = m >= goal || (goal == 1 && m >= 0.97 && ratio[n + 1 - k] >= 1)
  printf "{\"name\":\"%s\",\"unit\":\"%s\",\"columns\":[%.0f,%.0f],\"ratio\":%.3f,\"low\":%.3f,\"high\":%.3f,\"goal\":%s,\"ok\":%s,",
    name, unit == "bytes" ? "MB/s" : "req/s", middle(rate, "ours"), middle(rate, other), m, ratio[k], ratio[n + 1 - k],
    goal, good ? "true" : "false"
  printf "\"remark\":\"%.1f : %.1f; %.0f %% : %.0f %%\",\"ratios\":[%s]}\n", middle(cost, "ours"), middle(cost, other),
    100 * middle(load, "ours"), 100 * middle(load, other), ratios
}
