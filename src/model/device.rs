//! What computes.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use candle_core::Device;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Problem, Result};

/// A device by name: `cpu`, `cuda:N`, or `metal`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeviceName {
    /// The processor.
    #[default]
    Cpu,
    /// The NVIDIA card with this zero-based number.
    Cuda(usize),
    /// The graphics processor of an Apple computer.
    Metal,
}

impl DeviceName {
    /// Opens the device.
    ///
    /// # Errors
    /// [`Error::Config`] if this build or this machine has no such device.
    pub fn open(self) -> Result<Device> {
        let (feature, opened) = match self {
            Self::Cpu => return Ok(Device::Cpu),
            Self::Cuda(ordinal) => ("cuda", Device::new_cuda(ordinal)),
            Self::Metal => ("metal", Device::new_metal(0)),
        };
        let built_in = (self == Self::Metal && cfg!(feature = "metal"))
            || (matches!(self, Self::Cuda(_)) && cfg!(feature = "cuda"));
        opened.map_err(|e| {
            let hint = if built_in {
                "use `cpu`, or check the driver and the device's number".to_owned()
            } else {
                format!("build with `cargo build --release --features {feature}`, or use `cpu`")
            };
            let what = if built_in {
                format!("device `{self}` cannot be opened: {e}")
            } else {
                format!("device `{self}` is not in this build")
            };
            Error::Config(Problem::new(what).hint(hint))
        })
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(ordinal) => write!(f, "cuda:{ordinal}"),
            Self::Metal => f.write_str("metal"),
        }
    }
}

impl FromStr for DeviceName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let unknown = || format!("`{name}` is not a device: expected `cpu`, `cuda:N` or `metal`");
        match name {
            "cpu" => Ok(Self::Cpu),
            "metal" => Ok(Self::Metal),
            "cuda" => Ok(Self::Cuda(0)),
            _ => {
                let ordinal = name.strip_prefix("cuda:").ok_or_else(unknown)?;
                ordinal.parse().map(Self::Cuda).map_err(|_| unknown())
            }
        }
    }
}

impl Serialize for DeviceName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeviceName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<'de, str>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for DeviceName {
    fn schema_name() -> Cow<'static, str> {
        "DeviceName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(cpu|cuda(:[0-9]+)?|metal)$" })
    }
}
