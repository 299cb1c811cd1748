//! Small words for schemas.

use std::ops::RangeInclusive;

use serde_json::Value;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, Schema,
    SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr};

/// A schema, or where it is.
pub(super) type Shape = RefOr<Schema>;

/// A member of an object.
pub(super) struct Member {
    name: &'static str,
    shape: Shape,
    is_required: bool,
}

impl Member {
    pub(super) const fn name(&self) -> &'static str {
        self.name
    }
}

/// A member that is always there.
pub(super) fn has(name: &'static str, shape: Shape, meaning: &str) -> Member {
    Member { name, shape: described(shape, meaning), is_required: true }
}

/// A member that may be left out.
pub(super) fn may(name: &'static str, shape: Shape, meaning: &str) -> Member {
    Member { is_required: false, ..has(name, shape, meaning) }
}

/// An object, with an example if one is given.
pub(super) fn object(meaning: &str, example: Value, members: Vec<Member>) -> Shape {
    let mut object = ObjectBuilder::new().description(Some(meaning));
    if !example.is_null() {
        object = object.examples([example]);
    }
    for member in members {
        object = object.property(member.name, member.shape);
        if member.is_required {
            object = object.required(member.name);
        }
    }
    object.build().into()
}

/// An object whose members are named by what they are about.
pub(super) fn map(value: Shape) -> Shape {
    let values = AdditionalProperties::RefOr(value);
    ObjectBuilder::new().additional_properties(Some(values)).build().into()
}

/// An object with any members.
pub(super) fn facts() -> Shape {
    let free = AdditionalProperties::<Schema>::FreeForm(true);
    ObjectBuilder::new().additional_properties(Some(free)).build().into()
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

pub(super) fn text() -> Shape {
    string().build().into()
}

pub(super) fn text_up_to(characters: usize) -> Shape {
    string().max_length(Some(characters)).build().into()
}

pub(super) fn guid() -> Shape {
    string().format(Some(SchemaFormat::Custom("uuid".to_owned()))).build().into()
}

pub(super) fn date() -> Shape {
    string().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).build().into()
}

pub(super) fn uri() -> Shape {
    string().format(Some(SchemaFormat::Custom("uri".to_owned()))).build().into()
}

pub(super) fn flag() -> Shape {
    ObjectBuilder::new().schema_type(Type::Boolean).build().into()
}

pub(super) fn count() -> Shape {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).build().into()
}

pub(super) fn within(range: &RangeInclusive<u32>) -> Shape {
    let integer = ObjectBuilder::new().schema_type(Type::Integer);
    integer.minimum(Some(*range.start())).maximum(Some(*range.end())).build().into()
}

pub(super) fn one_of<N: Into<Value>>(names: impl IntoIterator<Item = N>) -> Shape {
    string().enum_values(Some(names)).build().into()
}

pub(super) fn list(item: Shape) -> Shape {
    ArrayBuilder::new().items(item).build().into()
}

/// One of the schemas of the document.
pub(super) fn named(name: &str) -> Shape {
    Ref::from_schema_name(name).into()
}

/// Either of two.
pub(super) fn either(one: Shape, other: Shape) -> Shape {
    Schema::OneOf(OneOfBuilder::new().item(one).item(other).build()).into()
}

/// The same, or null.
pub(super) fn nullable(shape: Shape) -> Shape {
    let or_null = |known: &SchemaType| match known {
        SchemaType::Type(known) => SchemaType::from_iter([known.clone(), Type::Null]),
        SchemaType::Array(_) | SchemaType::AnyValue => known.clone(),
    };
    match shape {
        RefOr::T(Schema::Object(mut object)) => {
            object.schema_type = or_null(&object.schema_type);
            if let Some(values) = &mut object.enum_values {
                values.push(Value::Null);
            }
            object.into()
        }
        RefOr::T(Schema::Array(mut array)) => {
            array.schema_type = or_null(&array.schema_type);
            RefOr::T(Schema::Array(array))
        }
        other @ (RefOr::Ref(_) | RefOr::T(_)) => {
            either(ObjectBuilder::new().schema_type(Type::Null).build().into(), other)
        }
    }
}

fn described(shape: Shape, meaning: &str) -> Shape {
    let meaning = (!meaning.is_empty()).then(|| meaning.to_owned());
    match shape {
        RefOr::Ref(mut reference) => {
            reference.description = meaning.unwrap_or_default();
            RefOr::Ref(reference)
        }
        RefOr::T(Schema::Object(mut object)) => {
            object.description = meaning;
            object.into()
        }
        RefOr::T(Schema::Array(mut array)) => {
            array.description = meaning;
            RefOr::T(Schema::Array(array))
        }
        RefOr::T(Schema::OneOf(mut one_of)) => {
            one_of.description = meaning;
            RefOr::T(Schema::OneOf(one_of))
        }
        RefOr::T(other) => RefOr::T(other),
    }
}
