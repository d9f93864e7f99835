//! Which figure of a run is not a number. JSON has no NaN and no infinity; `serde_json` writes `null` for them without a word, and `null`
//! means unknown here. So a run that holds one is refused, by the name of the place.

use std::fmt::{self, Display};

use serde::Serialize;
use serde::ser::{self, Impossible, Serializer};

/// The place of the first NaN or infinity in `value`, as `studies[0].margin`; `None` if all figures are finite.
pub(super) fn first_not_finite<T: Serialize>(value: &T) -> Option<String> {
    let mut walk = Walk { path: String::new() };
    value.serialize(&mut walk).err().map(|stop| stop.0)
}

/// Where the walk ended, and why.
#[derive(Debug)]
struct Stop(String);

impl Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Stop {}

impl ser::Error for Stop {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Walks through a value, keeps the path, writes nothing.
struct Walk {
    path: String,
}

impl Walk {
    /// Goes one `step` down to `value`, and back.
    fn visit<T: Serialize + ?Sized>(&mut self, step: &str, value: &T) -> Result<(), Stop> {
        let here = self.path.len();
        self.path.push_str(step);
        value.serialize(&mut *self)?;
        self.path.truncate(here);
        Ok(())
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Stop> {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.visit(&format!("{dot}{name}"), value)
    }

    fn check(&self, value: f64) -> Result<(), Stop> {
        if value.is_finite() { Ok(()) } else { Err(Stop(format!("{} is {value}", self.path))) }
    }
}

/// An array's elements, counted for the path.
struct Elements<'a> {
    walk: &'a mut Walk,
    index: usize,
}

impl Elements<'_> {
    fn next<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        let step = format!("[{}]", self.index);
        self.index += 1;
        self.walk.visit(&step, value)
    }
}

/// A map's entries: the key waits for its value.
struct Entries<'a> {
    walk: &'a mut Walk,
    key: String,
}

/// Kinds of values that cannot be infinite.
macro_rules! finite {
    ($($method:ident($kind:ty)),* $(,)?) => {
        $(fn $method(self, _: $kind) -> Result<(), Stop> { Ok(()) })*
    };
}

impl<'a> Serializer for &'a mut Walk {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = Elements<'a>;
    type SerializeTuple = Elements<'a>;
    type SerializeTupleStruct = Elements<'a>;
    type SerializeTupleVariant = Impossible<(), Stop>;
    type SerializeMap = Entries<'a>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<(), Stop>;

    finite!(
        serialize_bool(bool),
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32),
        serialize_u64(u64),
        serialize_char(char),
        serialize_str(&str),
        serialize_bytes(&[u8]),
        serialize_unit_struct(&'static str),
    );

    fn serialize_f32(self, value: f32) -> Result<(), Stop> {
        self.check(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Stop> {
        self.check(value)
    }

    fn serialize_none(self) -> Result<(), Stop> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Stop> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Stop> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Stop> {
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Stop> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Stop> {
        self.field(variant, value)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Elements<'a>, Stop> {
        Ok(Elements { walk: self, index: 0 })
    }

    fn serialize_tuple(self, _: usize) -> Result<Elements<'a>, Stop> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Elements<'a>, Stop> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Stop> {
        Err(Stop(format!("{} holds {name}, a kind of value that format v1 does not have", self.path)))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries<'a>, Stop> {
        Ok(Entries { walk: self, key: String::new() })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Stop> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Stop> {
        Err(Stop(format!("{} holds {name}, a kind of value that format v1 does not have", self.path)))
    }
}

impl ser::SerializeStruct for &mut Walk {
    type Ok = ();
    type Error = Stop;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Stop> {
        self.field(name, value)
    }

    fn end(self) -> Result<(), Stop> {
        Ok(())
    }
}

/// The three kinds of array that serde tells apart are one here.
macro_rules! elements {
    ($($kind:ident::$method:ident),* $(,)?) => {
        $(impl ser::$kind for Elements<'_> {
            type Ok = ();
            type Error = Stop;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
                self.next(value)
            }

            fn end(self) -> Result<(), Stop> {
                Ok(())
            }
        })*
    };
}

elements!(SerializeSeq::serialize_element, SerializeTuple::serialize_element, SerializeTupleStruct::serialize_field);

impl ser::SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = Stop;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Stop> {
        self.key = serde_json::to_string(key).map_err(ser::Error::custom)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        let step = format!("[{}]", self.key);
        self.walk.visit(&step, value)
    }

    fn end(self) -> Result<(), Stop> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Default, Serialize)]
    struct Outer {
        whole: u64,
        text: &'static str,
        known: Option<f64>,
        inner: Vec<Inner>,
        by_name: BTreeMap<String, f64>,
        pair: (f64, f64),
    }

    #[derive(Serialize)]
    struct Inner {
        value: f64,
    }

    #[test]
    fn finite_figures_pass() {
        let all = Outer { known: Some(-0.0), inner: vec![Inner { value: f64::MAX }], ..Outer::default() };
        assert_eq!(first_not_finite(&all), None);
    }

    #[test]
    fn the_place_of_an_infinity_is_named() {
        let inner = vec![Inner { value: 1.0 }, Inner { value: f64::INFINITY }];
        assert_eq!(first_not_finite(&Outer { inner, ..Outer::default() }).unwrap(), "inner[1].value is inf");
    }

    #[test]
    fn a_nan_where_unknown_would_be_allowed_is_found_too() {
        let known = Outer { known: Some(f64::NAN), ..Outer::default() };
        assert_eq!(first_not_finite(&known).unwrap(), "known is NaN");
        let by_name = BTreeMap::from([("a b".to_owned(), 1.0), ("c".to_owned(), f64::NEG_INFINITY)]);
        assert_eq!(first_not_finite(&Outer { by_name, ..Outer::default() }).unwrap(), "by_name[\"c\"] is -inf");
        let pair = Outer { pair: (0.0, f64::NAN), ..Outer::default() };
        assert_eq!(first_not_finite(&pair).unwrap(), "pair[1] is NaN");
    }
}
