# One row of scripts/bench from its runs:
#   name server pair requests bytes microseconds errors server-ticks load-user-seconds load-system-seconds
# Variables: goal, unit (requests or bytes), hz. Prints a line of JSON.
{
  name = $1
  rate[$2, $3] = (unit == "bytes" ? $5 / 1e6 : $4) / ($6 / 1e6)
  cost[$2, $3] = $8 / hz * 1e6 / $4
  load[$2, $3] = ($9 + $10) / ($6 / 1e6)
  if ($3 > n) n = $3
}

function middle(of, server,   i, value) {
  for (i = 1; i <= n; i++) value[i] = of[server, i]
  sort(value, n)
  return median(value, n)
}

END {
  for (i = 1; i <= n; i++) ratio[i] = rate["ours", i] / rate["nginx", i]
  for (i = 1; i <= n; i++) pairs = pairs (i > 1 ? "," : "") sprintf("%.3f", ratio[i])
  sort(ratio, n)
  k = interval_rank(n)
  m = median(ratio, n)
  # A goal of "as fast": the measurement must not be able to tell the two apart by more than 3 %.
  good = m >= goal || (goal == 1 && m >= 0.97 && ratio[n + 1 - k] >= 1)
  printf "{\"name\":\"%s\",\"unit\":\"%s\",\"ours\":%.0f,\"nginx\":%.0f,\"ratio\":%.3f,\"low\":%.3f,\"high\":%.3f,\"goal\":%s,\"ok\":%s,",
    name, unit == "bytes" ? "MB/s" : "req/s", middle(rate, "ours"), middle(rate, "nginx"), m, ratio[k], ratio[n + 1 - k], goal,
    good ? "true" : "false"
  printf "\"oursCpuUs\":%.1f,\"nginxCpuUs\":%.1f,\"oursLoad\":%.2f,\"nginxLoad\":%.2f,\"ratios\":[%s]}\n",
    middle(cost, "ours"), middle(cost, "nginx"), middle(load, "ours"), middle(load, "nginx"), pairs
}
