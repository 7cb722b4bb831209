//! The real service as a process of its own, killed without warning and started again.

use crate::{harness::ort_library, stores};
use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

pub struct Service {
    process: Child,
    reader: Option<JoinHandle<()>>,
}

/// Where the service is now, for those who speak to it.
#[derive(Clone, Default)]
pub struct Address(Arc<Mutex<String>>);

impl Address {
    pub fn get(&self) -> String {
        self.0.lock().expect("address").clone()
    }
}

/// What a service is started with.
pub struct Place {
    pub data: PathBuf,
    pub database: Option<String>,
    /// Everything that services wrote to their logs.
    pub log: PathBuf,
    pub address: Address,
}

impl Place {
    pub fn arguments(&self) -> Vec<String> {
        let mut all = vec!["--data".to_owned(), self.data.display().to_string()];
        all.extend(self.database.iter().flat_map(|url| ["--db-url".to_owned(), url.clone()]));
        all.extend(ort_library().into_iter().flat_map(|lib| ["--ort-lib".to_owned(), lib.display().to_string()]));
        all
    }

    /// Returns when it listens.
    pub fn start(&self, ahead_seconds: i64) -> Service {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--workers", "2", "--http-workers", "2"]);
        command.arg(format!("--clock-ahead-seconds={ahead_seconds}")).args(self.arguments());
        command.envs(stores::s3(&self.data).iter().flat_map(stores::S3::variables));
        let mut process = command.stderr(Stdio::piped()).spawn().expect("service");
        let mut lines = BufReader::new(process.stderr.take().expect("stderr"));
        let mut log = File::options().create(true).append(true).open(&self.log).expect("log");
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(lines.read_line(&mut line).expect("a line"), 0, "it ended before it listened: {}", self.tail());
            log.write_all(line.as_bytes()).expect("log");
            if let Some((_, address)) = line.split_once("listens on ") {
                let address: String = address.chars().take_while(|c| c.is_ascii_graphic()).collect();
                *self.address.0.lock().expect("address") = address;
                break;
            }
        }
        let reader = std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let _ = writeln!(log, "{line}");
            }
        });
        Service { process, reader: Some(reader) }
    }

    /// Lines of the log that say that a thread panicked.
    pub fn panics(&self) -> Vec<String> {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().filter(|line| line.contains("panicked at")).map(str::to_owned).collect()
    }

    fn tail(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().rev().take(5).collect::<Vec<_>>().join("\n")
    }

    pub fn log(&self) -> &Path {
        &self.log
    }
}

impl Service {
    /// SIGKILL: no handler runs, nothing is flushed.
    pub fn kill(mut self) {
        self.process.kill().expect("killed");
        self.end();
    }

    /// As a service manager stops it.
    pub fn stop(mut self) -> bool {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
        self.end()
    }

    fn end(&mut self) -> bool {
        let ended = self.process.wait().expect("ended");
        self.reader.take().map(JoinHandle::join);
        ended.success()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
