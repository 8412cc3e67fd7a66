# SPDX-License-Identifier: GPL-2.0
# Makes tables of measured rows: DIR/TABLE.tsv for programs, and on stdout the
# same for people, with each value's ratio beside it.  Every cell that was
# asked for and is not there is a gap; gaps are listed with their reasons
# below their table and in DIR/gaps.tsv, and make the exit status 1.
#
#   awk -v dir=DIR -f tables.awk input=tables TABLES input=wanted WANTED
#       input=reasons REASONS input=results RESULTS
#
# All of these are separated by tabs:
#   TABLES   table, the column that ratios are of, what a block of the printed
#            table has in common (kernel or workload), which rows are printed
#            (all, or a regular expression for the workload), what is printed
#            (both, or ratio alone), title
#   WANTED   group, table, workload, column, kernel, CPUs, metric, and the
#            kernel, allocator and metric of the row that fills the cell
#   REASONS  group, kernel, CPUs, why rows may be missing
#   RESULTS  workload, allocator, kernel, CPUs, metric, value
#
# It is awk's and not Python's, so that there are tables wherever there is a
# shell.

BEGIN {
	FS = OFS = "\t"
	gaps = dir "/gaps.tsv"
	print "# table", "workload", "allocator", "kernel", "cpus", "metric",
	      "reason" > gaps
}

/^#/ || NF == 0 { next }

input == "tables" {
	table[++tables] = $1
	base[$1] = $2
	block_by[$1] = $3
	printed[$1] = $4
	ratio_alone[$1] = $5 == "ratio"
	title[$1] = $6
}

input == "wanted" {
	row = $2 FS $3 FS $5 FS $6 FS $7
	if (!(row in source_group)) {
		rows[$2, ++row_count[$2]] = row
		source_group[row] = $1
	}
	if (!(($2, $4) in known_column)) {
		known_column[$2, $4] = 1
		columns[$2, ++column_count[$2]] = $4
	}
	source[row, $4] = $3 FS $9 FS $8 FS $6 FS $10
	source_kernel[row, $4] = $8
}

input == "reasons" {
	reason[$1, $2, $3] = $4
}

input == "results" {
	value[$1 FS $2 FS $3 FS $4 FS $5] = $6
	results++
}

# What belongs in a cell: a value, `failed`, `-` for a gap; nothing where
# nothing was asked for.
function cell(row, column)
{
	if (!((row, column) in source))
		return ""
	if (!(source[row, column] in value))
		return "-"
	return value[source[row, column]]
}

function is_number(text)
{
	return text ~ /^-?[0-9]+(\.[0-9]+)?$/
}

# The cell's value over the one in the same row that ratios are of.
function ratio(row, name, column,	part, whole)
{
	part = cell(row, column)
	whole = cell(row, base[name])
	if (column == base[name] || column == "none" || !is_number(part) ||
	    !is_number(whole) || whole <= 0 ||
	    source_kernel[row, column] != source_kernel[row, base[name]])
		return ""
	return sprintf("%.2f", part / whole)
}

# A row with the sum of all rows, where none of their cells is missing.
function add_sum(name,	i, j, k, row, column, total, n)
{
	for (j = 1; j <= column_count[name]; j++) {
		column = columns[name, j]
		total = n = 0
		for (i = 1; i <= row_count[name]; i++) {
			row = rows[name, i]
			if (!is_number(cell(row, column)))
				return
			split(row, k, FS)
			total += cell(row, column)
			n++
		}
		if (n < 2)
			return
		row = name FS "sum" FS k[3] FS k[4] FS k[5]
		source[row, column] = row FS column
		source_kernel[row, column] = k[3]
		value[row FS column] = sprintf("%.0f", total)
	}
	rows[name, ++row_count[name]] = row
}

function write_tsv(name,	file, i, j, line, column, text)
{
	file = dir "/" name ".tsv"
	line = "# workload" OFS "kernel" OFS "cpus" OFS "metric"
	for (j = 1; j <= column_count[name]; j++) {
		column = columns[name, j]
		line = line OFS column
		if (column != base[name] && column != "none")
			line = line OFS column "/" base[name]
	}
	print line > file
	for (i = 1; i <= row_count[name]; i++) {
		line = substr(rows[name, i], length(name) + 2)
		for (j = 1; j <= column_count[name]; j++) {
			column = columns[name, j]
			text = cell(rows[name, i], column)
			line = line OFS (text == "" ? "-" : text)
			if (column == base[name] || column == "none")
				continue
			text = ratio(rows[name, i], name, column)
			line = line OFS (text == "" ? "-" : text)
		}
		print line > file
	}
	close(file)
}

# Lists the gaps of a table, all of one kernel, size and reason in one line.
function write_gaps(name,	i, j, row, column, k, why, line, lines, order, n)
{
	for (i = 1; i <= row_count[name]; i++) {
		row = rows[name, i]
		split(row, k, FS)
		for (j = 1; j <= column_count[name]; j++) {
			column = columns[name, j]
			if (cell(row, column) != "-" &&
			    cell(row, column) != "failed")
				continue
			why = why_missing(row, column, k[4])
			print name, k[2], column, k[3], k[4], k[5],
			      why > gaps
			line = source_kernel[row, column] ", " k[4] \
			       (k[4] == 1 ? " CPU: " : " CPUs: ") why
			if (!(line in lines))
				order[++n] = line
			lines[line]++
		}
	}
	for (i = 1; i <= n; i++) {
		print "  ! " lines[order[i]] " missing, " order[i]
		missing += lines[order[i]]
	}
}

function why_missing(row, column, cpus,		key)
{
	if (cell(row, column) == "failed")
		return "memory was short"
	key = source_group[row] SUBSEP source_kernel[row, column] SUBSEP cpus
	if (key in reason)
		return reason[key]
	return "nothing was said of it"
}

# A value as people read it: bytes in KiB, no digits that mean nothing.
function readable(text, metric)
{
	if (!is_number(text))
		return text
	if (metric ~ /_bytes$/)
		return sprintf("%.0f KiB", text / 1024)
	if (text !~ /\./ || text >= 100)
		return sprintf("%.0f", text)
	return sprintf("%.1f", text)
}

# The median under icount hardly differs; it is in the TSV.
function is_printed(name, k)
{
	return k[5] != "instructions_median" &&
	       (printed[name] == "all" || k[2] ~ printed[name])
}

# What the rows of a block share.
function block_name(name, k)
{
	if (block_by[name] == "workload")
		return k[2]
	return k[3] ", " k[4] (k[4] == 1 ? " CPU" : " CPUs")
}

function unit(metric)
{
	sub(/_bytes$/, "", metric)
	sub(/_median$/, ", median", metric)
	gsub(/_/, " ", metric)
	return metric
}

function row_name(name, k)
{
	return (block_by[name] == "workload" ? k[3] : k[2]) ", " unit(k[5])
}

# The rows of the block that row `first` is in, and those columns that any of
# them has; returns how many rows.
function take_block(name, first, block,		i, j, k, n)
{
	block_columns = 0
	label_width = length(block)
	for (i = first; i <= row_count[name]; i++) {
		split(rows[name, i], k, FS)
		if (!is_printed(name, k) || block_name(name, k) != block)
			continue
		block_rows[++n] = rows[name, i]
		if (length(row_name(name, k)) > label_width)
			label_width = length(row_name(name, k))
	}
	for (j = 1; j <= column_count[name]; j++)
		for (i = 1; i <= n; i++)
			if (cell(block_rows[i], columns[name, j]) != "") {
				block_column[++block_columns] = columns[name, j]
				break
			}
	return n
}

function print_line(label, texts, ratios,	j, line)
{
	line = sprintf("  %-" label_width "s", label)
	for (j = 1; j <= block_columns; j++)
		line = line sprintf(" %10s%7s", texts[j], ratios[j])
	sub(/ +$/, "", line)
	print line
}

function print_row(name, row,	j, k, texts, ratios)
{
	split(row, k, FS)
	for (j = 1; j <= block_columns; j++) {
		texts[j] = readable(cell(row, block_column[j]), k[5])
		ratios[j] = ratio(row, name, block_column[j])
		if (ratio_alone[name] && is_number(texts[j]))
			texts[j] = ""
		if (ratio_alone[name] && block_column[j] == base[name] &&
		    texts[j] == "")
			ratios[j] = "1"
	}
	print_line(row_name(name, k), texts, ratios)
}

function print_block(name, first, block,	i, n, nothing)
{
	n = take_block(name, first, block)
	print ""
	split("", nothing)
	print_line(block, block_column, nothing)
	for (i = 1; i <= n; i++)
		print_row(name, block_rows[i])
}

function print_table(name,	i, k, seen)
{
	printf "\n== %s: %s ==\n", name, title[name]
	for (i = 1; i <= row_count[name]; i++) {
		split(rows[name, i], k, FS)
		if (!is_printed(name, k) || block_name(name, k) in seen)
			continue
		seen[block_name(name, k)]
		print_block(name, i, block_name(name, k))
	}
}

END {
	for (t = 1; t <= tables; t++) {
		if (!row_count[table[t]])
			continue
		if (table[t] == "memory")
			add_sum(table[t])
		write_tsv(table[t])
		print_table(table[t])
		write_gaps(table[t])
	}
	close(gaps)
	exit missing > 0 || results == 0
}
