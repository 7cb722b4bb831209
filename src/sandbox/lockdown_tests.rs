//! A lock-down is for ever and for the whole process, so it is tried in a process of its own.

use super::*;
use std::{
    fs::{self, File},
    io::Write,
    net::{TcpListener, UdpSocket},
    process::Command,
    thread,
};

const INSIDE: &str = "inside: all as it should be";

#[test]
fn a_locked_process_computes_and_can_do_nothing_else() {
    let exe = std::env::current_exe().expect("this test's own program");
    let name = format!("{}::inside", module_path!().split_once("::").map_or("", |(_, path)| path));
    let output = Command::new(exe)
        .args([&name, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .output()
        .expect("starts");
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(INSIDE), "{said}\n{complained}");
}

#[test]
#[ignore = "locks down the whole process; the test above starts it in another one"]
fn inside() {
    let mut isolation = Isolation::begin();
    let open_before = File::open("/proc/self/status").expect("before the lock-down");
    isolation.lock_down();
    assert!(isolation.no_new_privileges && isolation.parent_death_signal);
    assert!(isolation.seccomp, "{:?}", isolation.notes);
    assert!(isolation.files_denied && isolation.network_denied);

    assert!(File::open("/proc/self/status").is_err());
    assert!(File::create("/tmp/plimsoll-locked-down").is_err());
    assert!(fs::read_dir("/").is_err());
    assert!(TcpListener::bind("127.0.0.1:0").is_err());
    assert!(UdpSocket::bind("127.0.0.1:0").is_err());
    assert!(Command::new("/bin/true").status().is_err());

    let sum = thread::spawn(|| (0..1_000u64).sum::<u64>()).join().expect("threads still work");
    assert_eq!(sum, 499_500);
    let big = vec![1u8; 64 << 20];
    assert_eq!(big.iter().map(|byte| u64::from(*byte)).sum::<u64>(), 64 << 20);
    assert!(std::io::read_to_string(open_before).is_ok_and(|text| text.contains("Threads:")));
    println!("{INSIDE}");
    let _ = std::io::stdout().flush();
    // The test harness would now want things that are forbidden.
    std::process::exit(0);
}
