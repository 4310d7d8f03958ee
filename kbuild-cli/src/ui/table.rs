//! Tables: cells in columns, two blanks apart.

/// The text of a cell, without and with colour.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    painted: Option<String>,
}

impl Cell {
    pub(crate) fn painted(text: String, painted: String) -> Self {
        Cell {
            text,
            painted: Some(painted),
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Cell {
            text: text.into(),
            painted: None,
        }
    }
}

/// A line for each row. The last cell of a row is as wide as its text.
pub(crate) fn aligned(rows: &[Vec<Cell>]) -> Vec<String> {
    let length = |cell: &Cell| cell.text.chars().count();
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = length(cell).max(*width);
        }
    }
    let line = |row: &Vec<Cell>| {
        let mut line = String::new();
        for (i, (cell, width)) in row.iter().zip(&widths).enumerate() {
            line += cell.painted.as_deref().unwrap_or(&cell.text);
            if i + 1 < row.len() {
                line += &" ".repeat(width - length(cell) + 2);
            }
        }
        line
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_takes_no_room_in_a_column() {
        let red = Cell::painted("no".to_owned(), "\x1b[31mno\x1b[0m".to_owned());
        let rows = [
            vec![Cell::from("ü"), "built".into(), "last".into()],
            vec!["row".into(), red, "x".into()],
        ];
        assert_eq!(
            aligned(&rows),
            ["ü    built  last", "row  \x1b[31mno\x1b[0m     x"]
        );
    }
}
