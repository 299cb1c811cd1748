//! Tables for people: aligned columns, and one object member by member.

use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

use super::failure::printable;

/// The widest that a column gets before later ones move aside.
const WIDEST: usize = 60;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    title: &'static str,
    /// The members shown, the first that is not null.
    members: &'static [&'static str],
    absent: &'static str,
}

impl Column {
    /// Shows the first of some members that is not null, under a title.
    pub(crate) const fn new(title: &'static str, members: &'static [&'static str]) -> Self {
        Self { title, members, absent: "-" }
    }

    /// What is shown when there is none.
    pub(crate) const fn or(self, absent: &'static str) -> Self {
        Self { absent, ..self }
    }

    fn cell(&self, item: &Value) -> String {
        let mut values = self.members.iter().map(|member| at(item, member));
        let value = values.find(|value| !value.is_null());
        value.map_or_else(|| self.absent.to_owned(), plain)
    }
}

/// The member with a name, with a dot for each level below.
fn at<'v>(item: &'v Value, member: &str) -> &'v Value {
    member.split('.').fold(item, |value, name| &value[name])
}

/// A table whose widths are settled by the first rows that it is given.
#[derive(Debug)]
pub(crate) struct Table {
    columns: &'static [Column],
    widths: Vec<usize>,
}

impl Table {
    pub(crate) const fn new(columns: &'static [Column]) -> Self {
        Self { columns, widths: Vec::new() }
    }

    /// More rows, after the titles when they are the first.
    pub(crate) fn rows(&mut self, items: &[Value]) -> String {
        let cells = |item: &Value| self.columns.iter().map(|column| column.cell(item)).collect();
        let mut rows: Vec<Vec<String>> = items.iter().map(cells).collect();
        if self.widths.is_empty() {
            rows.insert(0, self.columns.iter().map(|column| column.title.to_owned()).collect());
            let width = |index: usize| {
                let widths = rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.width());
                widths.max().unwrap_or(0).min(WIDEST)
            };
            self.widths = (0..self.columns.len()).map(width).collect();
        }
        rows.iter().map(|row| self.line(row)).collect()
    }

    fn line(&self, row: &[String]) -> String {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&self.widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + 2));
        }
        line.truncate(line.trim_end().len());
        line.push('\n');
        line
    }
}

/// One object, a line for each member.
pub(crate) fn object(item: &Value) -> String {
    let members = item.as_object().map(|members| members.iter()).into_iter().flatten();
    let members: Vec<_> = members.collect();
    let width = members.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    let line = |(name, value): &(&String, &Value)| {
        let value = if value.is_null() { "-".to_owned() } else { plain(value) };
        format!("{name:<width$}  {value}\n")
    };
    members.iter().map(line).collect()
}

/// A value as people read it.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text),
        Value::Array(items) if items.iter().all(Value::is_string) && !items.is_empty() => {
            items.iter().map(plain).collect::<Vec<_>>().join(",")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const COLUMNS: &[Column] = &[
        Column::new("NAME", &["Name"]),
        Column::new("REACH", &["User.Id", "Services"]).or("all"),
        Column::new("LAST", &["Last"]),
    ];

    #[test]
    fn columns_are_aligned_by_what_the_eye_sees() {
        let items = [
            json!({"Name": "Zoë", "User": {"Id": 7}, "Last": 1}),
            json!({"Name": "客户客户", "Services": ["a", "b"], "Last": null}),
        ];
        let mut table = Table::new(COLUMNS);
        assert_eq!(
            table.rows(&items),
            "NAME      REACH  LAST\nZoë       7      1\n客户客户  a,b    -\n"
        );
        assert_eq!(table.rows(&[json!({"Name": "a"})]), "a         all    -\n");
    }

    #[test]
    fn a_table_of_nothing_has_its_titles() {
        assert_eq!(Table::new(COLUMNS).rows(&[]), "NAME  REACH  LAST\n");
    }

    #[test]
    fn a_cell_stays_on_its_line() {
        let text = object(&json!({"A": "x\ny\u{1b}[31m", "Long": null, "B": {"C": [1]}}));
        assert_eq!(text, "A     x\\ny\\u{1b}[31m\nB     {\"C\":[1]}\nLong  -\n");
    }
}
