# One row of scripts/bench about a kind of thing that a lab has few or very many of, as a line of JSON, from what
# kinds_scale prints. The row shows the request whose ratio is the worst; the remark has all of them, with what each costs
# where there are many.
# Variables: name, goal (of the ratio, at most).
$1 == "made" { made = $2; next }
$1 == "start" { first = $2; settled = $3; next }
{
  if (!($1 in n)) names[++kinds] = $1
  i = ++n[$1]
  few[$1, i] = $2
  many[$1, i] = $3
}

function middle(of, kind,   i, value) {
  for (i = 1; i <= n[kind]; i++) value[i] = of[kind, i]
  sort(value, n[kind])
  return median(value, n[kind])
}

END {
  if (!kinds) exit 1
  for (k = 1; k <= kinds; k++) {
    kind = names[k]
    for (i = 1; i <= n[kind]; i++) value[i] = many[kind, i] / few[kind, i]
    sort(value, n[kind])
    m = median(value, n[kind])
    remark = remark sprintf("%s %.2f (%.1f us), ", kind, m, middle(many, kind))
    if (m < worst) continue
    worst = m
    shown = kind
    low = value[interval_rank(n[kind])]
    high = value[n[kind] + 1 - interval_rank(n[kind])]
    ratios = ""
    for (i = 1; i <= n[kind]; i++) ratios = ratios (i > 1 ? "," : "") sprintf("%.3f", many[kind, i] / few[kind, i])
  }
  printf "{\"name\":\"%s\",\"unit\":\"cpu us\",\"columns\":[%.1f,%.1f],\"ratio\":%.3f,\"low\":%.3f,\"high\":%.3f,\"goal\":%s,\"ok\":%s,",
    name, middle(few, shown), middle(many, shown), worst, low, high, goal, worst <= goal ? "true" : "false"
  printf "\"remark\":\"%smade in %.0f s, first replies %.0f ms after the start, settled after %.0f ms\",\"ratios\":[%s]}\n",
    remark, made, first, settled, ratios
}
