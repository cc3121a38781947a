//! A pickle machine that can build a dictionary of tensors and nothing else.
//!
//! Values are numbers and indices into flat tables: nothing is nested, so neither copying nor dropping what a program
//! has built can recurse, and each instruction makes one value at most.

use std::collections::{BTreeMap, HashMap};

use super::Fault;
use crate::error::printable;

/// What a storage's numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ElementType {
    /// 64 bits.
    Double,
    /// 32 bits.
    Single,
    /// 16 bits, IEEE half.
    Half,
    /// 16 bits, bfloat16.
    Brain,
    /// No such floating point: its name, and bytes each.
    Other { name: &'static str, size: usize },
}

impl ElementType {
    /// Bytes of one.
    pub fn size(self) -> usize {
        match self {
            Self::Double => 8,
            Self::Single => 4,
            Self::Half | Self::Brain => 2,
            Self::Other { size, .. } => size,
        }
    }
}

/// A file of numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StorageRecord {
    pub key: String,
    pub element: ElementType,
    pub elements: u64,
}

/// A view of a storage. Nothing in it has been compared with the storage yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TensorRecord {
    pub storage: StorageRecord,
    pub offset: u64,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

impl TensorRecord {
    /// Number of elements, if it can be counted.
    pub fn elements(&self) -> Option<u64> {
        self.shape.iter().try_fold(1_u64, |product, &length| product.checked_mul(length as u64))
    }

    /// Bytes of all elements, if they can be counted.
    pub fn bytes(&self) -> Option<u64> {
        self.elements()?.checked_mul(self.storage.element.size() as u64)
    }

    /// One past the last element of the storage that is in it; the offset if it is empty.
    pub fn extent(&self) -> Option<u64> {
        if self.shape.contains(&0) {
            return Some(self.offset);
        }
        let last = self.shape.iter().zip(&self.strides).try_fold(self.offset, |sum, (&length, &stride)| {
            sum.checked_add((length as u64 - 1).checked_mul(stride as u64)?)
        });
        last?.checked_add(1)
    }

    /// True if its elements lie in row-major order without gaps.
    pub fn is_contiguous(&self) -> bool {
        let mut expected = 1_usize;
        self.shape.iter().zip(&self.strides).rev().all(|(&length, &stride)| {
            let fits = length <= 1 || stride == expected;
            expected = expected.saturating_mul(length.max(1));
            fits
        })
    }
}

/// The names that PyTorch uses for a dictionary of tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(ElementType),
}

impl Global {
    fn find(module: &str, name: &str) -> Result<Self, Fault> {
        let other = |name, size| Self::Storage(ElementType::Other { name, size });
        Ok(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch", "FloatStorage") => Self::Storage(ElementType::Single),
            ("torch", "HalfStorage") => Self::Storage(ElementType::Half),
            ("torch", "BFloat16Storage") => Self::Storage(ElementType::Brain),
            ("torch", "DoubleStorage") => Self::Storage(ElementType::Double),
            ("torch", "LongStorage") => other("I64", 8),
            ("torch", "IntStorage") => other("I32", 4),
            ("torch", "ShortStorage") => other("I16", 2),
            ("torch", "CharStorage") => other("I8", 1),
            ("torch", "ByteStorage") => other("U8", 1),
            ("torch", "BoolStorage") => other("BOOL", 1),
            _ => {
                let full = printable(&format!("{module}.{name}"));
                return Err(Fault::foreign(format!(
                    "it names `{full}`, which no dictionary of tensors needs; nothing of it was executed"
                )));
            }
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    None,
    Bool,
    Int(i64),
    Float,
    Text(usize),
    Tuple(usize),
    List(usize),
    Dict(usize),
    Global(Global),
    Storage(usize),
    Tensor(usize),
}

impl Value {
    fn kind(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool => "a truth value",
            Self::Int(_) | Self::Float => "a number",
            Self::Text(_) => "text",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dictionary",
            Self::Global(_) => "a name",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
        }
    }
}

/// Most axes of a tensor.
const MAX_AXES: usize = 16;

/// Runs a program to its end and returns the tensors of the dictionary it built, by name.
pub(super) fn run(program: &[u8]) -> Result<BTreeMap<String, TensorRecord>, Fault> {
    let mut machine = Machine { rest: program, ..Machine::default() };
    while !machine.step()? {}
    let result = machine.pop()?;
    let Value::Dict(dict) = result else {
        return Err(Fault::foreign(format!("it holds {}, not a dictionary of tensors", result.kind())));
    };
    let mut tensors = BTreeMap::new();
    for &(key, value) in &machine.dicts[dict] {
        let Value::Text(name) = key else {
            return Err(Fault::foreign(format!("a tensor is named by {}, not by text", key.kind())));
        };
        let name = machine.texts[name];
        let Value::Tensor(tensor) = value else {
            return Err(Fault::foreign(format!("`{}` is {}, not a tensor", printable(name), value.kind())));
        };
        tensors.insert(name.to_owned(), machine.tensors[tensor].clone());
    }
    Ok(tensors)
}

#[derive(Default)]
struct Machine<'a> {
    rest: &'a [u8],
    stack: Vec<Value>,
    /// Heights of the stack where something was begun.
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
    texts: Vec<&'a str>,
    tuples: Vec<Vec<Value>>,
    lists: Vec<Vec<Value>>,
    dicts: Vec<Vec<(Value, Value)>>,
    storages: Vec<StorageRecord>,
    tensors: Vec<TensorRecord>,
}

fn broken(what: &str) -> Fault {
    Fault::damaged(format!("data.pkl is damaged: {what}"))
}

impl<'a> Machine<'a> {
    /// Does one instruction; true at the end.
    fn step(&mut self) -> Result<bool, Fault> {
        match self.byte()? {
            // PROTO, FRAME: nothing to do but to know the version.
            0x80 => match self.byte()? {
                2..=5 => {}
                version => return Err(Fault::foreign(format!("its pickle has version {version}, 2 to 5 are read"))),
            },
            0x95 => drop(self.bytes(8)?),
            b'.' => return Ok(true),
            b'(' => self.marks.push(self.stack.len()),
            b'N' => self.stack.push(Value::None),
            0x88 | 0x89 => self.stack.push(Value::Bool),
            b'K' => {
                let value = self.byte()?;
                self.stack.push(Value::Int(value.into()));
            }
            b'M' => self.integer(2, false)?,
            b'J' => self.integer(4, true)?,
            0x8a => {
                let length = self.byte()?;
                self.integer(length.into(), true)?;
            }
            b'G' => {
                self.bytes(8)?;
                self.stack.push(Value::Float);
            }
            b'X' => {
                let length = self.word()?;
                self.text(length as usize)?;
            }
            0x8c => {
                let length = self.byte()?;
                self.text(length.into())?;
            }
            b')' => self.tuple(0)?,
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b't' => {
                let members = self.since_mark()?;
                self.push_tuple(members);
            }
            b']' => {
                self.lists.push(Vec::new());
                self.stack.push(Value::List(self.lists.len() - 1));
            }
            b'}' => self.new_dict(),
            b'a' => {
                let member = self.pop()?;
                self.list()?.push(member);
            }
            b'e' => {
                let members = self.since_mark()?;
                self.list()?.extend(members);
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.dict()?.push((key, value));
            }
            b'u' => {
                let members = self.since_mark()?;
                if members.len() % 2 != 0 {
                    return Err(broken("a key without a value"));
                }
                let pairs = members.chunks_exact(2).map(|pair| (pair[0], pair[1]));
                self.dict()?.extend(pairs);
            }
            b'q' => {
                let slot = self.byte()?;
                self.remember(slot.into())?;
            }
            b'r' => {
                let slot = self.word()?;
                self.remember(slot)?;
            }
            // MEMOIZE: the next free slot. A program shorter than 4 GiB cannot have more.
            0x94 => self.remember(self.memo.len() as u32)?,
            b'h' => {
                let slot = self.byte()?;
                self.recall(slot.into())?;
            }
            b'j' => {
                let slot = self.word()?;
                self.recall(slot)?;
            }
            b'c' => {
                let module = self.line()?;
                let name = self.line()?;
                self.stack.push(Value::Global(Global::find(module, name)?));
            }
            0x93 => {
                let name = self.pop()?;
                let module = self.pop()?;
                let (Value::Text(module), Value::Text(name)) = (module, name) else {
                    return Err(broken("a name that is no text"));
                };
                let global = Global::find(self.texts[module], self.texts[name])?;
                self.stack.push(Value::Global(global));
            }
            b'Q' => self.storage()?,
            b'R' => self.call()?,
            b'b' => {
                // What PyTorch sets on a dictionary is its `_metadata`: versions of modules, of no use here.
                self.pop()?;
                self.dict()?;
            }
            other => {
                return Err(Fault::foreign(format!(
                    "its pickle has the instruction 0x{other:02x}, which no dictionary of tensors needs"
                )));
            }
        }
        Ok(false)
    }

    fn bytes(&mut self, n: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or_else(|| broken("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        Ok(self.bytes(1)?[0])
    }

    fn word(&mut self) -> Result<u32, Fault> {
        let bytes = self.bytes(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn line(&mut self) -> Result<&'a str, Fault> {
        let end = self.rest.iter().position(|&byte| byte == b'\n').ok_or_else(|| broken("it ends too early"))?;
        let line = self.bytes(end)?;
        self.bytes(1)?;
        std::str::from_utf8(line).map_err(|_| broken("a name that is not UTF-8"))
    }

    /// A little-endian integer of `n` bytes, 8 at most.
    fn integer(&mut self, n: usize, signed: bool) -> Result<(), Fault> {
        if n > 8 {
            return Err(Fault::foreign("it has a number of more than 64 bits"));
        }
        let bytes = self.bytes(n)?;
        let negative = signed && bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut whole = [if negative { 0xff } else { 0 }; 8];
        whole[..n].copy_from_slice(bytes);
        self.stack.push(Value::Int(i64::from_le_bytes(whole)));
        Ok(())
    }

    fn text(&mut self, n: usize) -> Result<(), Fault> {
        let text = std::str::from_utf8(self.bytes(n)?).map_err(|_| broken("text that is not UTF-8"))?;
        self.texts.push(text);
        self.stack.push(Value::Text(self.texts.len() - 1));
        Ok(())
    }

    /// Takes the last value; those below the last mark are not within reach.
    fn pop(&mut self) -> Result<Value, Fault> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len() > floor {
            true => self.stack.pop().ok_or_else(|| broken("a value is missing")),
            false => Err(broken("a value is missing")),
        }
    }

    fn top(&self) -> Result<Value, Fault> {
        let floor = self.marks.last().copied().unwrap_or(0);
        self.stack[floor..].last().copied().ok_or_else(|| broken("a value is missing"))
    }

    fn since_mark(&mut self) -> Result<Vec<Value>, Fault> {
        let mark = self.marks.pop().ok_or_else(|| broken("an end without a beginning"))?;
        Ok(self.stack.split_off(mark))
    }

    fn tuple(&mut self, n: usize) -> Result<(), Fault> {
        let mut members = (0..n).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        members.reverse();
        self.push_tuple(members);
        Ok(())
    }

    fn push_tuple(&mut self, members: Vec<Value>) {
        self.tuples.push(members);
        self.stack.push(Value::Tuple(self.tuples.len() - 1));
    }

    fn new_dict(&mut self) {
        self.dicts.push(Vec::new());
        self.stack.push(Value::Dict(self.dicts.len() - 1));
    }

    fn list(&mut self) -> Result<&mut Vec<Value>, Fault> {
        match self.top()? {
            Value::List(list) => Ok(&mut self.lists[list]),
            other => Err(broken(&format!("{} is extended like a list", other.kind()))),
        }
    }

    fn dict(&mut self) -> Result<&mut Vec<(Value, Value)>, Fault> {
        match self.top()? {
            Value::Dict(dict) => Ok(&mut self.dicts[dict]),
            other => Err(broken(&format!("{} is filled like a dictionary", other.kind()))),
        }
    }

    fn remember(&mut self, slot: u32) -> Result<(), Fault> {
        let value = self.top()?;
        self.memo.insert(slot, value);
        Ok(())
    }

    fn recall(&mut self, slot: u32) -> Result<(), Fault> {
        let value = self.memo.get(&slot).copied().ok_or_else(|| broken("a value is used before it is made"))?;
        self.stack.push(value);
        Ok(())
    }

    /// `('storage', torch.FloatStorage, key, device, elements)`.
    fn storage(&mut self) -> Result<(), Fault> {
        let id = self.pop()?;
        let members = match id {
            Value::Tuple(tuple) => &self.tuples[tuple][..],
            _ => &[],
        };
        let record = match *members {
            [
                Value::Text(word),
                Value::Global(Global::Storage(element)),
                Value::Text(key),
                Value::Text(_),
                Value::Int(n),
            ] if self.texts[word] == "storage" => {
                let elements = u64::try_from(n).map_err(|_| broken("a storage of negative length"))?;
                StorageRecord { key: self.texts[key].to_owned(), element, elements }
            }
            _ => return Err(Fault::foreign("it refers to something outside that is no storage of a tensor")),
        };
        self.storages.push(record);
        self.stack.push(Value::Storage(self.storages.len() - 1));
        Ok(())
    }

    fn call(&mut self) -> Result<(), Fault> {
        let arguments = self.pop()?;
        let function = self.pop()?;
        let (Value::Global(function), Value::Tuple(arguments)) = (function, arguments) else {
            return Err(Fault::foreign(format!("it calls {}, which is no function", function.kind())));
        };
        match (function, &self.tuples[arguments][..]) {
            (Global::OrderedDict, []) => self.new_dict(),
            (Global::RebuildParameter, &[tensor @ Value::Tensor(_), Value::Bool, Value::Dict(_)]) => {
                self.stack.push(tensor);
            }
            (
                Global::RebuildTensor,
                &[
                    Value::Storage(storage),
                    Value::Int(offset),
                    Value::Tuple(shape),
                    Value::Tuple(strides),
                    Value::Bool,
                    Value::Dict(_),
                    ..,
                ],
            ) => {
                let record = self.tensor(storage, offset, shape, strides)?;
                self.tensors.push(record);
                self.stack.push(Value::Tensor(self.tensors.len() - 1));
            }
            (function, arguments) => {
                let kinds: Vec<&str> = arguments.iter().take(8).map(|value| value.kind()).collect();
                return Err(Fault::foreign(format!("it calls {function:?} with {}", kinds.join(", "))));
            }
        }
        Ok(())
    }

    fn tensor(&self, storage: usize, offset: i64, shape: usize, strides: usize) -> Result<TensorRecord, Fault> {
        let lengths = |tuple: usize| -> Result<Vec<usize>, Fault> {
            let members = self.tuples[tuple].iter().map(|value| match value {
                Value::Int(n) => usize::try_from(*n).map_err(|_| broken("a negative shape or stride")),
                other => Err(broken(&format!("{} in a shape", other.kind()))),
            });
            members.collect()
        };
        let (shape, strides) = (lengths(shape)?, lengths(strides)?);
        if shape.len() != strides.len() || shape.len() > MAX_AXES {
            return Err(broken("a shape that does not fit its strides"));
        }
        let offset = u64::try_from(offset).map_err(|_| broken("a negative offset"))?;
        Ok(TensorRecord { storage: self.storages[storage].clone(), offset, shape, strides })
    }
}
