//! The validation sandbox: a model is run by a child process, never by the server.
//!
//! A model file is a program from a stranger. Small files can hang the runtime while it loads them, and no call
//! cancels that; others ask for all the memory there is. So the parent ([`Runner`]) starts
//! `plimsoll sandbox --ort-lib PATH`, feeds it over a pipe, and reads the answer as it would read any hostile input.
//!
//! What the child ([`main_child`]) does, in this order, and why in this order:
//! 1. Resource limits, parent-death signal and no-new-privileges, before any byte of the data set or the model is read.
//! 2. Load ONNX Runtime and read the host's facts, while files can still be opened.
//! 3. Lock down: no file system, no network, few system calls.
//! 4. Read the task and the model from standard input; load the model from memory, predict, measure, answer.
//!
//! Invariants:
//! - The child never opens a path that the model names: tensors in other files come over the same pipe, from the version's
//!   own files alone, and the working directory is empty.
//! - The parent bounds every length that the child sends, checks that the answer agrees with the task,
//!   kills the child's process group when the wall time is over or the caller goes away, and always reaps it.
//! - What the kernel cannot enforce is reported in [`Isolation`]; it is never silently missing.
//!
//! Locking down works on Linux only (rlimits, landlock from kernel 5.13, seccomp); it needs no privilege.

mod attempt;
mod carried;
mod cells;
mod child;
mod classes;
mod ending;
mod energy;
mod failure;
mod feeding;
mod gathered;
mod host;
mod inputs;
mod interface;
mod limits;
mod lockdown;
mod measure;
mod memory;
mod model_source;
mod observation;
mod outputs;
mod perturb;
mod perturb_tensors;
mod ports;
mod predict;
mod predictions;
mod protocol;
mod robustness;
mod runner;
mod runtime_error;
mod scores;
mod session;
mod task;
mod tensors;
mod traffic;
mod trial;
mod values;

pub use child::main_child;
pub use failure::{Failure, FailureKind};
pub use gathered::GivenOutput;
pub use host::Host;
pub use interface::{InputMapping, Interface, OutputMapping, TaskKind};
pub use limits::Limits;
pub use lockdown::{Enforcement, Isolation};
pub use model_source::ModelSource;
pub use observation::{
    Answers, LatencySamples, ModelInfo, Observation, Outcome, PerturbedRun, Repeated, Spent, UnderPerturbation,
};
pub use ports::PortInfo;
pub use runner::Runner;
pub use task::{Column, Load, Perturbed, Phase, Progress, Scale, Task};
pub use tensors::{FedInput, FedState, TensorTask, Wanted};
pub use traffic::Traffic;
pub use trial::{Datatype, Elements, NamedTensor, Trial, Tried};
