# Order statistics of the paired ratios, for the other awk files here.

# Sorts value[1..n] in place.
function sort(value, n,   i, j, held) {
  for (i = 2; i <= n; i++) {
    held = value[i]
    for (j = i - 1; j >= 1 && value[j] > held; j--) value[j + 1] = value[j]
    value[j + 1] = held
  }
}

# Of a sorted array.
function median(value, n) {
  return n % 2 ? value[(n + 1) / 2] : (value[n / 2] + value[n / 2 + 1]) / 2
}

# The rank k at which value[k] .. value[n + 1 - k] holds the median with at least 95 %: each value lies below it with one
# half, whatever their distribution. 1 when so few values cannot promise that.
function interval_rank(n,   k, term, below) {
  term = below = 0.5 ^ n
  for (k = 1; ; k++) {
    term *= (n - k + 1) / k
    below += term
    if (2 * below > 0.05) return k
  }
}
