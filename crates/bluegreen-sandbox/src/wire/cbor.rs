//! Trees as CBOR, the way Smithy RPC v2 has it.

use std::borrow::Cow;

use aws_smithy_cbor::data::Type;
use aws_smithy_cbor::decode::DeserializeError;
use aws_smithy_cbor::{Decoder, Encoder};

use super::input::moment;
use super::node::epoch_seconds;
use super::{ApiError, Map, Node};

/// Deeper than any request of AWS, and shallow enough for the stack.
const DEPTH_MAX: usize = 64;

/// The tree of a whole body.
pub(super) fn decode(body: &[u8]) -> Result<Node, ApiError> {
    let mut decoder = Decoder::new(body);
    let node = value(&mut decoder, body, DEPTH_MAX).map_err(|why| why.refusal(decoder.position()))?;
    match decoder.position() {
        end if end == body.len() => Ok(node),
        end => Err(Malformed::Rest.refusal(end)),
    }
}

/// Why a body is no tree.
#[derive(Debug, thiserror::Error)]
enum Malformed {
    #[error("{0}")]
    Token(#[from] DeserializeError),
    #[error("values are nested more than {DEPTH_MAX} deep")]
    Depth,
    #[error("a tag other than 1, which is for timestamps")]
    Tag,
    #[error("a timestamp beyond the calendar")]
    Calendar,
    #[error("an item of a kind that requests do not have: {0:?}")]
    Kind(Type),
    #[error("there is more after the first item")]
    Rest,
}

impl Malformed {
    fn refusal(&self, at: usize) -> ApiError {
        ApiError::malformed(format!("the body is not a CBOR map: byte {at}: {self}"))
    }
}

fn value(decoder: &mut Decoder<'_>, body: &[u8], depth: usize) -> Result<Node, Malformed> {
    let depth = depth.checked_sub(1).ok_or(Malformed::Depth)?;
    Ok(match decoder.datatype()? {
        Type::Bool => Node::Bool(decoder.boolean()?),
        Type::Null | Type::Undefined => {
            decoder.skip()?;
            Node::Null
        }
        Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::Int => {
            Node::Int(decoder.long()?)
        }
        Type::F16 | Type::F32 | Type::F64 => Node::Float(decoder.double()?),
        Type::String | Type::StringIndef => Node::Text(decoder.str().map(Cow::into_owned)?),
        Type::Bytes | Type::BytesIndef => Node::Blob(decoder.blob()?.into_inner()),
        Type::Tag => timestamp(decoder, body)?,
        Type::Array | Type::ArrayIndef => {
            let length = decoder.list()?;
            let mut items = Vec::new();
            while another(decoder, length, items.len())? {
                items.push(value(decoder, body, depth)?);
            }
            Node::List(items)
        }
        Type::Map | Type::MapIndef => {
            let length = decoder.map()?;
            let mut members = Vec::new();
            while another(decoder, length, members.len())? {
                let name = decoder.str()?.into_owned();
                members.push((name, value(decoder, body, depth)?));
            }
            Node::Map(members.into_iter().collect::<Map>())
        }
        other => return Err(Malformed::Kind(other)),
    })
}

/// Whether a list or map goes on after `read` items; takes the mark at the end of one whose length was not given.
fn another(decoder: &mut Decoder<'_>, length: Option<u64>, read: usize) -> Result<bool, Malformed> {
    match length {
        Some(length) => Ok((read as u64) < length),
        None if decoder.datatype()? == Type::Break => {
            decoder.skip()?;
            Ok(false)
        }
        None => Ok(true),
    }
}

/// The decoder's own timestamps are cut to the millisecond after the fraction lost bits, which takes one off: round.
fn timestamp(decoder: &mut Decoder<'_>, body: &[u8]) -> Result<Node, Malformed> {
    let at = decoder.position();
    let header = match body.get(at..) {
        Some([0xc1, ..]) => 1,
        Some([0xd8, 0x01, ..]) => 2,
        _ => return Err(Malformed::Tag),
    };
    decoder.set_position(at + header);
    let seconds = match decoder.datatype()? {
        Type::F16 | Type::F32 | Type::F64 => decoder.double()?,
        #[expect(clippy::cast_precision_loss, reason = "moments that jiff knows are below 2^53 seconds")]
        _ => decoder.long()? as f64,
    };
    moment(seconds).map(Node::Time).ok_or(Malformed::Calendar)
}

/// The bytes of a tree.
pub(super) fn encode(node: &Node) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    write(&mut encoder, node);
    encoder.into_writer()
}

fn write(encoder: &mut Encoder, node: &Node) {
    match node {
        Node::Null => encoder.null(),
        Node::Bool(truth) => encoder.boolean(*truth),
        Node::Int(whole) => encoder.long(*whole),
        Node::Float(float) => encoder.double(*float),
        Node::Text(text) => encoder.str(text),
        Node::Blob(bytes) => encoder.blob_bytes(bytes),
        Node::Time(at) => encoder.timestamp(&aws_smithy_types::DateTime::from_secs_f64(epoch_seconds(*at))),
        Node::List(items) => {
            encoder.array(items.len());
            for item in items {
                write(encoder, item);
            }
            encoder
        }
        Node::Map(map) => {
            encoder.map(map.len());
            for (name, node) in map.iter() {
                encoder.str(name);
                write(encoder, node);
            }
            encoder
        }
    };
}
