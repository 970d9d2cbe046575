//! Values on their way to the server and back.

use super::described;
use crate::{Engine, Row, StoreError, Value};
use ::postgres::types::{FromSql, ToSql, Type};

/// Parameters in the types that the server inferred for the statement.
pub(super) fn bind<'v>(
    sql: &str,
    types: &[Type],
    params: &'v [Value],
) -> Result<Vec<Box<dyn ToSql + Sync + 'v>>, StoreError> {
    let refused = |reason: String| StoreError::statement(Engine::Postgres, sql, false, reason);
    if types.len() != params.len() {
        return Err(refused(format!("it has {} parameters but {} were given", types.len(), params.len())));
    }
    let bound = types.iter().zip(params).enumerate().map(|(index, (of, value))| {
        let mismatch =
            || refused(format!("parameter ?{} is of type {of}, which the given value is not", index + 1));
        bind_one(of, value).ok_or_else(mismatch)
    });
    bound.collect()
}

/// One parameter, or nothing when the value does not fit the type.
fn bind_one<'v>(of: &Type, value: &'v Value) -> Option<Box<dyn ToSql + Sync + 'v>> {
    #[allow(clippy::cast_precision_loss)]
    Some(match (of, value) {
        (&Type::INT8, Value::Int(number)) => Box::new(*number),
        (&Type::INT8, Value::Null) => Box::new(None::<i64>),
        (&Type::INT4, Value::Int(number)) => Box::new(i32::try_from(*number).ok()?),
        (&Type::INT4, Value::Null) => Box::new(None::<i32>),
        (&Type::BOOL, Value::Int(number)) => Box::new(*number != 0),
        (&Type::BOOL, Value::Null) => Box::new(None::<bool>),
        (&Type::FLOAT8, Value::Real(number)) => Box::new(*number),
        (&Type::FLOAT8, Value::Int(number)) => Box::new(*number as f64),
        (&Type::FLOAT8, Value::Null) => Box::new(None::<f64>),
        (&Type::TEXT | &Type::VARCHAR, Value::Text(text)) => Box::new(text.as_str()),
        (&Type::TEXT | &Type::VARCHAR, Value::Null) => Box::new(None::<&str>),
        (&Type::BYTEA, Value::Bytes(bytes)) => Box::new(bytes.as_slice()),
        (&Type::BYTEA, Value::Null) => Box::new(None::<&[u8]>),
        _ => return None,
    })
}

/// The values of a row.
pub(super) fn owned(sql: &str, row: &::postgres::Row) -> Result<Row, StoreError> {
    let mut values = Vec::with_capacity(row.len());
    for (index, column) in row.columns().iter().enumerate() {
        let value = match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(index).map(Value::from),
            Type::INT4 => row.try_get::<_, Option<i32>>(index).map(Value::from),
            Type::INT2 => row.try_get::<_, Option<i16>>(index).map(|number| number.map(i32::from).into()),
            Type::BOOL => row.try_get::<_, Option<bool>>(index).map(Value::from),
            Type::FLOAT8 => row.try_get::<_, Option<f64>>(index).map(Value::from),
            Type::FLOAT4 => row.try_get::<_, Option<f32>>(index).map(|number| number.map(f64::from).into()),
            Type::TEXT | Type::VARCHAR | Type::NAME => {
                row.try_get::<_, Option<String>>(index).map(Value::from)
            }
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(index).map(Value::from),
            Type::NUMERIC => row
                .try_get::<_, Option<Numeric>>(index)
                .map(|number| number.map_or(Value::Null, |number| number.0)),
            Type::VOID => Ok(Value::Null),
            _ => {
                let reason =
                    format!("column {index} is of type {}: cast it to a portable one", column.type_());
                return Err(StoreError::statement(Engine::Postgres, sql, false, reason));
            }
        };
        values.push(
            value.map_err(|error| StoreError::statement(Engine::Postgres, sql, false, described(&error)))?,
        );
    }
    Ok(Row::new(values))
}

/// A sum or average of whole numbers, which SQLite gives as a whole or real number.
struct Numeric(Value);

impl<'a> FromSql<'a> for Numeric {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        // The wire form: count of digits, weight of the first, sign, scale, then digits to the base 10,000.
        let words: Vec<i16> =
            raw.chunks_exact(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]])).collect();
        let [_, weight, sign, _, digits @ ..] = words.as_slice() else {
            return Err("a number with too few bytes".into());
        };
        let exponent = |position: usize| i32::from(*weight) - i32::try_from(position).unwrap_or(i32::MAX);
        let is_whole =
            digits.iter().enumerate().all(|(position, digit)| *digit == 0 || exponent(position) >= 0);
        let negative = match sign {
            0 => false,
            0x4000 => true,
            _ => return Err("a number that is none or infinite".into()),
        };
        if is_whole {
            let mut sum: i64 = 0;
            for (position, digit) in digits.iter().enumerate().filter(|(_, digit)| **digit != 0) {
                let scale =
                    u32::try_from(exponent(position)).ok().and_then(|power| 10_000_i64.checked_pow(power));
                let part = scale.and_then(|scale| scale.checked_mul(i64::from(*digit)));
                sum = part.and_then(|part| sum.checked_add(part)).ok_or("a sum beyond 64 bits")?;
            }
            return Ok(Self(Value::Int(if negative { -sum } else { sum })));
        }
        let parts =
            digits.iter().enumerate().map(|(at, digit)| f64::from(*digit) * 10_000_f64.powi(exponent(at)));
        let sum: f64 = parts.sum();
        Ok(Self(Value::Real(if negative { -sum } else { sum })))
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::NUMERIC
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_read_from_the_wire_form() {
        let read = |words: &[i16]| {
            let raw: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            Numeric::from_sql(&Type::NUMERIC, &raw).map(|number| number.0)
        };
        assert_eq!(read(&[0, 0, 0, 0]).unwrap(), Value::Int(0));
        assert_eq!(read(&[2, 1, 0, 0, 12, 3456]).unwrap(), Value::Int(123_456));
        assert_eq!(read(&[1, 1, 0x4000, 0, 5]).unwrap(), Value::Int(-50_000));
        assert_eq!(read(&[2, 0, 0, 1, 2, 5000]).unwrap(), Value::Real(2.5));
        assert!(read(&[1, 9, 0, 0, 1]).is_err());
        assert!(read(&[0, 0]).is_err());
    }
}
