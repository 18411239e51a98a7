//! CPU time and memory as Linux tells them under `/proc`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::Result;

/// Clock ticks in a second: `USER_HZ`, 100 on every architecture Linux runs Rust on.
const TICK: Duration = Duration::from_millis(10);

/// User and system time of a process, its ended threads included.
pub(crate) fn cpu_of(pid: u32) -> Result<Duration> {
    let (_, time) = read_stat(&fs::read_to_string(format!("/proc/{pid}/stat"))?)?;
    Ok(time)
}

/// User and system time of this process without its threads of that name.
pub(crate) fn own_cpu_without(thread: &str) -> Result<Duration> {
    let whole = cpu_of(std::process::id())?;
    let mut others = Duration::ZERO;
    for entry in fs::read_dir("/proc/self/task")? {
        let Ok(text) = fs::read_to_string(entry?.path().join("stat")) else { continue };
        let (name, time) = read_stat(&text)?;
        if name == thread {
            others += time;
        }
    }
    Ok(whole.saturating_sub(others))
}

/// Resident memory of a process in MiB.
pub(crate) fn resident_mib(pid: u32) -> Result<f64> {
    let text = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status"))?;
    read_resident(&text).ok_or_else(|| "no VmRSS in /proc: has the process ended?".into())
}

/// Name and CPU time from a `stat` line; the name stands in parentheses and may hold anything.
fn read_stat(text: &str) -> Result<(&str, Duration)> {
    let parts = text.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')'));
    let (name, rest) = parts.ok_or("a stat line without a name")?;
    let mut ticks = 0;
    for field in rest.split_whitespace().skip(11).take(2) {
        ticks += field.parse::<u32>()?;
    }
    Ok((name, TICK * ticks))
}

fn read_resident(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib = line.split_whitespace().next()?.parse::<u32>().ok()?;
    Some(f64::from(kib) / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_with_an_odd_name_is_read() {
        let line = "77 (a) b (c)) S 1 77 77 0 -1 4194560 5 0 0 0 12 30 1 1 20 0 3 0 100 0 0";
        assert_eq!(read_stat(line).unwrap(), ("a) b (c)", Duration::from_millis(420)));
    }

    #[test]
    fn resident_memory_is_in_mib() {
        let mib = read_resident("Name:\tx\nVmRSS:\t   20480 kB\nThreads:\t2\n").unwrap();
        assert!((mib - 20.0).abs() < f64::EPSILON);
        assert_eq!(read_resident("Name:\tx\n"), None);
    }

    #[test]
    fn this_process_can_be_read() {
        assert!(resident_mib(std::process::id()).unwrap() > 0.0);
        assert!(own_cpu_without("no such thread").unwrap() <= cpu_of(std::process::id()).unwrap());
    }
}
