package table

import (
	"strings"

	"geomq/cmd/geomq/internal/term"
)

// gap is what stands between two columns.
const gap = "  "

// Column is one column of a Table.
type Column struct {
	Title string
	// Right aligns the cells to the right, as numbers are.
	Right bool
	// Spare says how willingly the column goes where the table is too wide: 0
	// never does, of the others the highest goes first.
	Spare int
}

// Cell is a text and what it means.
type Cell struct {
	Text  string
	Style term.Style
}

// Text is a Cell without a style.
func Text(text string) Cell { return Cell{Text: text} }

// Table is a head and rows.
type Table struct {
	columns []Column
	rows    [][]Cell
}

// New makes a Table without rows.
func New(columns ...Column) *Table { return &Table{columns: columns} }

// Row adds a row.
func (t *Table) Row(cells ...Cell) {
	row := make([]Cell, len(t.columns))
	for i, c := range cells[:min(len(cells), len(row))] {
		row[i] = Cell{Text: term.Clean(c.Text), Style: c.Style}
	}
	t.rows = append(t.rows, row)
}

// Len is the number of rows.
func (t *Table) Len() int { return len(t.rows) }

// Lines lays the table out for out.
func (t *Table) Lines(out term.Output) []string {
	widths := t.widths()
	shown, dropped := t.fit(widths, out.Width())
	lines := make([]string, 0, len(t.rows)+2)
	lines = append(lines, t.line(out, shown, widths, t.head()))
	for _, row := range t.rows {
		lines = append(lines, t.line(out, shown, widths, row))
	}
	if len(dropped) > 0 {
		lines = append(lines, out.Paint(term.Faint, "(too narrow for "+strings.Join(dropped, ", ")+")"))
	}
	for i := range lines {
		lines[i] = term.Cut(lines[i], out.Width())
	}
	return lines
}

func (t *Table) head() []Cell {
	row := make([]Cell, len(t.columns))
	for i, c := range t.columns {
		row[i] = Cell{Text: c.Title, Style: term.Faint}
	}
	return row
}

func (t *Table) widths() []int {
	widths := make([]int, len(t.columns))
	for i, c := range t.columns {
		widths[i] = term.Length(c.Title)
		for _, row := range t.rows {
			widths[i] = max(widths[i], term.Length(row[i].Text))
		}
	}
	return widths
}

// fit decides which columns are shown, by index, and names the others.
func (t *Table) fit(widths []int, limit int) (shown []int, dropped []string) {
	for i := range t.columns {
		shown = append(shown, i)
	}
	for limit > 0 && total(shown, widths) > limit {
		at := t.sparest(shown)
		if at < 0 {
			break
		}
		dropped = append(dropped, t.columns[shown[at]].Title)
		shown = append(shown[:at], shown[at+1:]...)
	}
	return shown, dropped
}

func total(shown, widths []int) int {
	sum := 0
	for _, i := range shown {
		sum += widths[i] + len(gap)
	}
	return sum - len(gap)
}

// sparest is the place in shown of the column to drop next, -1 if none may go.
func (t *Table) sparest(shown []int) int {
	at, most := -1, 0
	for place, i := range shown {
		if s := t.columns[i].Spare; s > 0 && s >= most {
			at, most = place, s
		}
	}
	return at
}

func (t *Table) line(out term.Output, shown, widths []int, row []Cell) string {
	var b strings.Builder
	for place, i := range shown {
		if place > 0 {
			b.WriteString(gap)
		}
		cell := row[i]
		space := strings.Repeat(" ", widths[i]-term.Length(cell.Text))
		switch {
		case t.columns[i].Right:
			b.WriteString(space + out.Paint(cell.Style, cell.Text))
		case place == len(shown)-1:
			b.WriteString(out.Paint(cell.Style, cell.Text))
		default:
			b.WriteString(out.Paint(cell.Style, cell.Text) + space)
		}
	}
	return strings.TrimRight(b.String(), " ")
}
