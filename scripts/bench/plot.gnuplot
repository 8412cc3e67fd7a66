# SPDX-License-Identifier: GPL-2.0
# One plot.  Arguments: its kind (bars: a group of bars a row, each with its
# value; lines: a line a column over the first column's numbers; logarithmic:
# the same over powers of ten), data, where the picture goes, its title, the
# axis' title, the columns' names.

kind = ARG1
data = ARG2
columns = ARG6
n = words(columns)

# An allocator has its colour wherever it is: these can be told apart by most
# who see few colours, and in print.
known = "kmalloc cache cache-bulk mempool mem mem-bulk python glibc"
colours = "#8c8c8c #e69f00 #e69f00 #cc79a7 #0072b2 #0072b2 #009e73 #d55e00"
allocator(i) = (slash = strstrt(word(columns, i), "/"), \
	slash ? substr(word(columns, i), 1, slash - 1) : word(columns, i))
place(i) = sum [k = 1:words(known)] (word(known, k) eq allocator(i) ? k : 0)
colour(i) = word(colours, place(i))

if (kind eq "bars") {
	stats data using (0) nooutput
	rows = STATS_records
	wide = 26 * rows * (n + 1) + 120
} else {
	wide = 900
}
if (wide < 900) {
	wide = 900
}
set terminal svg size wide,440 dynamic font "sans-serif,13" background "white"
set output ARG3
set datafile separator tab
set datafile missing "-"
set encoding utf8
set label 1 ARG4 at graph 0, 1.16 left font ",15" noenhanced
set tmargin 4
set bmargin 4
set ylabel ARG5 noenhanced
set border 3 lc "#555555"
set tics nomirror
set grid ytics lc "#dddddd" lt 1
set key at graph 0, 1.11 left top horizontal Left reverse noenhanced \
	samplen 1.5 maxrows 1
set yrange [0:*]
set style fill solid 1 noborder

# Bars stand side by side around their row's place.
width = 0.82 / n
shift(i) = (i - (n + 1) / 2.0) * width
text(x) = x >= 100 || (x >= 20 && x == int(x)) ? sprintf("%.0f", x) : \
	x >= 10 ? sprintf("%.1f", x) : sprintf("%.2f", x)

if (kind eq "bars") {
	set xrange [-0.6:rows - 0.4]
	set xtics scale 0
	set offsets 0, 0, graph 0.08, 0
	plot for [i = 1:n] data \
			using ($0 + shift(i)):(column(i + 1)):(width * 0.94) \
			with boxes lc rgb colour(i) title allocator(i), \
		for [i = 1:n] data using ($0 + shift(i)):(column(i + 1)):\
			(text(column(i + 1))) with labels font ",10" \
			offset 0, 0.5 notitle, \
		data using 0:(0):xtic(1) with dots lc rgb "#ffffffff" \
		notitle
}
if (kind eq "lines") {
	set xlabel "size in bytes"
	set xtics 64
	plot for [i = 1:n] data using 1:(column(i + 1)) with lines lw 2.5 \
		lc rgb colour(i) title allocator(i)
}
if (kind eq "logarithmic") {
	set xlabel "blocks live"
	set logscale x
	set autoscale xfix
	set format x "%.0s %c"
	plot for [i = 1:n] data using 1:(column(i + 1)) with linespoints \
		lw 2.5 pt 7 ps 0.6 lc rgb colour(i) title allocator(i)
}
