//! How `run.json` is laid out: one field a line, so that runs can be compared by `diff`, but a column of numbers on one line, so that
//! a study of a thousand batches is five lines and not five thousand.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Formatter;

/// The JSON text of `value`, with a line break at its end.
///
/// # Errors
/// What `value`'s own [`Serialize`] refuses.
pub(super) fn to_text<T: Serialize>(value: &T) -> serde_json::Result<Vec<u8>> {
    let mut text = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Layout::default()))?;
    text.push(b'\n');
    Ok(text)
}

/// Objects over several lines, indented by one space a level; arrays of scalars on one line, arrays of anything else an element a line.
#[derive(Default)]
struct Layout {
    /// For each array or object that is open: whether its end goes to a line of its own.
    open: Vec<bool>,
    /// The next value is an element of an array: an array or object starts a line, a scalar does not.
    element: bool,
}

impl Layout {
    fn line<W: ?Sized + Write>(&self, writer: &mut W) -> io::Result<()> {
        write!(writer, "\n{:1$}", "", self.open.len())
    }

    fn begin<W: ?Sized + Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        if std::mem::take(&mut self.element) {
            self.line(writer)?;
            if let Some(several_lines) = self.open.last_mut() {
                *several_lines = true;
            }
        }
        self.open.push(false);
        writer.write_all(bracket)
    }

    fn end<W: ?Sized + Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.element = false;
        if self.open.pop() == Some(true) {
            self.line(writer)?;
        }
        writer.write_all(bracket)
    }
}

impl Formatter for Layout {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.element = true;
        if first { Ok(()) } else { writer.write_all(b",") }
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.element = false;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        if let Some(several_lines) = self.open.last_mut() {
            *several_lines = true;
        }
        self.line(writer)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn text(value: &Value) -> String {
        String::from_utf8(to_text(value).unwrap()).unwrap()
    }

    /// Any JSON of some depth.
    fn anything() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e300..1e300f64).prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        scalar.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map(".*", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn columns_take_a_line_each_and_objects_a_line_a_field() {
        let value = json!({"cases": [{"method": "a", "ns": [1, 2, 3]}, {"none": [], "nothing": {}}], "k": 8});
        let expected = r#"{
 "cases": [
  {
   "method": "a",
   "ns": [1,2,3]
  },
  {
   "none": [],
   "nothing": {}
  }
 ],
 "k": 8
}
"#;
        assert_eq!(text(&value), expected);
    }

    #[test]
    fn arrays_of_arrays_take_a_line_a_row() {
        assert_eq!(text(&json!([[1, 2], [3]])), "[\n [1,2],\n [3]\n]\n");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(value in anything()) {
            prop_assert_eq!(serde_json::from_str::<Value>(&text(&value)).unwrap(), value);
        }
    }
}
