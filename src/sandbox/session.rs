//! ONNX Runtime: the library, a loaded model, and values in and out of it.
//!
//! Session options are those of a careful deployer, and the same for predictions and for latency: all graph
//! optimisations, `threads` threads inside an operator, one operator at a time, no spinning while idle,
//! the CPU provider with its arena and memory pattern as they come.

use super::{
    failure::{Failure, FailureKind, printable},
    observation::ModelInfo,
    ports::{Element, Port, PortInfo, PortKind},
    runtime_error::{load_failure, run_failure},
};
use ort::{
    environment::Environment,
    logging::LogLevel,
    session::{Session, SessionInputValue, SessionOutputs},
    value::{DynValue, Outlet, TensorElementType, ValueType},
};
use std::{path::Path, sync::Arc};

/// The loaded library. There is one in a process.
pub(super) struct Runtime {
    environment: Environment,
    /// Of the library, such as `1.28.0`.
    pub version: String,
}

/// A model in memory, ready to run.
pub(super) struct Model {
    session: Session,
    pub inputs: Vec<Port>,
    pub outputs: Vec<Port>,
}

/// A model's file, and those in which it keeps tensors, under the names by which it asks for them.
pub(super) struct ModelBytes {
    pub file: Vec<u8>,
    pub beside: Vec<BesideBytes>,
}

/// The name by which the model asks for a file, and the file.
pub(super) type BesideBytes = (String, Arc<[u8]>);

/// The inputs of one call.
pub(super) type Inputs = Vec<(String, DynValue)>;

impl Runtime {
    /// Loads the library; this opens files, so it comes before the lock-down.
    ///
    /// # Errors
    /// `unavailable` says how to get the library.
    pub fn load(library: &Path) -> Result<Self, Failure> {
        let unavailable = |error: &dyn std::fmt::Display| {
            Failure::new(
                FailureKind::Unavailable,
                format!(
                    "ONNX Runtime could not be loaded from {}: {error}; run scripts/fetch-ort.sh and name its library with --ort-lib",
                    library.display()
                ),
            )
        };
        let environment = ort::init_from(library)
            .map_err(|error| unavailable(&error))?
            .with_telemetry(false)
            .build()
            .map_err(|error| unavailable(&error))?;
        environment.set_log_level(LogLevel::Fatal);
        Ok(Self { environment, version: version_of(library) })
    }

    /// Loads a model from memory.
    pub fn open(&self, bytes: &ModelBytes, threads: u32) -> Result<Model, Failure> {
        let session = self.session(bytes, threads).map_err(|error| load_failure(error.code(), error.message()))?;
        Ok(Model {
            inputs: session.inputs().iter().map(port).collect(),
            outputs: session.outputs().iter().map(port).collect(),
            session,
        })
    }

    fn session(&self, bytes: &ModelBytes, threads: u32) -> ort::Result<Session> {
        let mut builder = Session::builder(&self.environment)?
            .with_intra_threads(threads as usize)?
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?
            .with_inter_op_spinning(false)?;
        for (name, file) in &bytes.beside {
            builder = builder.with_external_initializer_file_in_memory(name, Arc::clone(file))?;
        }
        builder.commit_from_memory(&bytes.file)
    }
}

impl Model {
    /// One call. The returned outputs borrow the model.
    pub fn run(&mut self, inputs: &Inputs) -> Result<SessionOutputs<'_>, Failure> {
        self.run_prepared(arguments(inputs))
    }

    /// One call with arguments made by [`arguments`], so that only the runtime's own work is inside.
    pub fn run_prepared(&mut self, arguments: Vec<Argument<'_>>) -> Result<SessionOutputs<'_>, Failure> {
        self.session.run(arguments).map_err(|error| run_failure(error.code(), error.message()))
    }

    /// What the file says about itself.
    pub fn info(&self) -> ModelInfo {
        let bounded = |text: Option<String>| printable(&text.unwrap_or_default(), 200);
        let metadata = self.session.metadata().ok();
        ModelInfo {
            producer: bounded(metadata.as_ref().and_then(|m| m.producer())),
            graph_name: bounded(metadata.as_ref().and_then(|m| m.name())),
            opset: self.session.opset_for_domain("").unwrap_or(0),
            inputs: self.inputs.iter().map(|port| port.info.clone()).collect(),
            outputs: self.outputs.iter().map(|port| port.info.clone()).collect(),
        }
    }
}

/// One input of a call, by its name.
pub(super) type Argument<'a> = (&'a str, SessionInputValue<'a>);

/// Borrows `inputs` for one call.
pub(super) fn arguments(inputs: &Inputs) -> Vec<Argument<'_>> {
    inputs.iter().map(|(name, value)| (name.as_str(), SessionInputValue::from(value))).collect()
}

fn port(outlet: &Outlet) -> Port {
    let (kind, shape) = match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => (element(*ty).map_or(PortKind::Other, PortKind::Tensor), shape.to_vec()),
        ValueType::Sequence(inner) => match **inner {
            ValueType::Map { key: TensorElementType::Int64, value: TensorElementType::Float32 } => {
                (PortKind::Maps, Vec::new())
            }
            ValueType::Map { key: TensorElementType::String, value: TensorElementType::Float32 } => {
                (PortKind::Maps, Vec::new())
            }
            _ => (PortKind::Other, Vec::new()),
        },
        _ => (PortKind::Other, Vec::new()),
    };
    let info = PortInfo { name: outlet.name().to_owned(), element_type: type_name(outlet.dtype()), shape };
    Port { info, kind }
}

pub(super) fn element(ty: TensorElementType) -> Option<Element> {
    Some(match ty {
        TensorElementType::Float32 => Element::Float32,
        TensorElementType::Float64 => Element::Float64,
        TensorElementType::Int64 => Element::Int64,
        TensorElementType::Int32 => Element::Int32,
        TensorElementType::Int16 => Element::Int16,
        TensorElementType::Int8 => Element::Int8,
        TensorElementType::Uint64 => Element::Uint64,
        TensorElementType::Uint32 => Element::Uint32,
        TensorElementType::Uint16 => Element::Uint16,
        TensorElementType::Uint8 => Element::Uint8,
        TensorElementType::Float16 => Element::Float16,
        TensorElementType::Bool => Element::Bool,
        TensorElementType::String => Element::Text,
        _ => return None,
    })
}

/// The name as the ONNX documents write it.
fn type_name(ty: &ValueType) -> String {
    match ty {
        ValueType::Tensor { ty, .. } => element_name(*ty),
        ValueType::Sequence(inner) => format!("sequence({})", type_name(inner)),
        ValueType::Map { key, value } => {
            format!("map({},{})", element_name(*key), element_name(*value))
        }
        ValueType::Optional(inner) => format!("optional({})", type_name(inner)),
    }
}

fn element_name(ty: TensorElementType) -> String {
    format!("{ty:?}").to_lowercase()
}

/// ONNX Runtime carries its version in the name of its library file, not in what it tells about itself.
fn version_of(library: &Path) -> String {
    let real = library.canonicalize().unwrap_or_else(|_| library.to_owned());
    let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let digits = |c: char| c.is_ascii_digit();
    let Some(start) = name.find(digits) else {
        return printable(ort::info(), 100);
    };
    name[start..].trim_end_matches(|c: char| !c.is_ascii_digit()).to_owned()
}
