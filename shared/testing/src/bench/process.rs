//! A measured process: what the kernel counts of it, and the part of a processor that it may use.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::BenchFailed;

/// The unit of the times in `/proc`: `USER_HZ` is 100 on every architecture of ours.
const TICK: Duration = Duration::from_millis(10);
/// The memory with which Lambda gives a function one processor; with less, that part of it.
const WHOLE_PROCESSOR_MB: u64 = 1_769;
/// How often the kernel renews the time of a process with a share, in microseconds.
const PERIOD_US: u64 = 20_000;

/// A child process. It is killed on drop.
#[derive(Debug)]
pub(super) struct Process(Child);

impl Process {
    /// Starts `command` with its output in the file `log`.
    pub(super) fn start(command: &mut Command, log: &Path) -> Result<Process, BenchFailed> {
        let failed = || BenchFailed::io(log.display().to_string());
        let output = File::create(log).map_err(failed())?;
        let errors = output.try_clone().map_err(failed())?;
        let started = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
        let program = command.get_program().to_string_lossy().into_owned();
        started.map(Process).map_err(BenchFailed::io(program))
    }

    /// Peak memory in KiB: `VmHWM` (proc(5)). `None` if the system does not report it.
    pub(super) fn peak_kib(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.split_whitespace().next()?.parse().ok()
    }

    /// Processor time of all its threads so far: `utime` and `stime` (proc(5)). `None` if the
    /// system does not report it.
    pub(super) fn cpu(&self) -> Option<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id())).ok()?;
        // The program's name, in parentheses, may contain spaces. The state follows it, the third
        // field; the times are the 14th and 15th.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut times = fields.split_whitespace().skip(11);
        let user: u32 = times.next()?.parse().ok()?;
        let system: u32 = times.next()?.parse().ok()?;
        Some(TICK * (user + system))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that it has exited already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Counts the instructions of a process in user space, with `perf stat`.
#[derive(Debug)]
pub(super) struct InstructionCount(Child);

impl InstructionCount {
    /// How long `perf` may take until it counts.
    pub(super) const ATTACHES_IN: Duration = Duration::from_millis(300);

    /// Begins to count. `None` if this machine has no `perf`.
    pub(super) fn begin(process: &Process) -> Option<InstructionCount> {
        let mut perf = Command::new("perf");
        perf.args(["stat", "-x", ",", "-e", "instructions:u", "-p"])
            .arg(process.0.id().to_string());
        perf.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        perf.spawn().ok().map(InstructionCount)
    }

    /// The count, once the process has ended. `None` if the kernel or the processor did not let
    /// `perf` count.
    pub(super) fn end(self) -> Option<u64> {
        let output = self.0.wait_with_output().ok()?;
        let text = String::from_utf8(output.stderr).ok()?;
        let line = text.lines().find(|line| line.contains("instructions"))?;
        line.split(',').next()?.parse().ok()
    }
}

/// A control group (cgroups(7)) with the part of a processor that Lambda gives to a memory size. It
/// is removed on drop.
#[derive(Debug)]
pub(super) struct ProcessorShare {
    folder: PathBuf,
}

impl ProcessorShare {
    /// # Errors
    /// If this machine does not let us limit a process.
    pub(super) fn of(memory_mb: u64) -> io::Result<ProcessorShare> {
        let quota_us = PERIOD_US * memory_mb / WHOLE_PROCESSOR_MB;
        let is_second_version = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
        let (root, limits) = match is_second_version {
            true => ("/sys/fs/cgroup", vec![("cpu.max", format!("{quota_us} {PERIOD_US}"))]),
            false => (
                "/sys/fs/cgroup/cpu",
                vec![
                    ("cpu.cfs_period_us", PERIOD_US.to_string()),
                    ("cpu.cfs_quota_us", quota_us.to_string()),
                ],
            ),
        };
        let name = format!("prolight-bench-{}", std::process::id());
        let folder = Path::new(root).join(name);
        fs::create_dir_all(&folder)?;
        let share = ProcessorShare { folder };
        for (file, limit) in limits {
            fs::write(share.folder.join(file), limit)?;
        }
        Ok(share)
    }

    /// Limits a process from now on.
    ///
    /// # Errors
    /// If this machine does not let us limit it.
    pub(super) fn hold(&self, process: &Process) -> io::Result<()> {
        fs::write(self.folder.join("cgroup.procs"), process.0.id().to_string())
    }
}

impl Drop for ProcessorShare {
    fn drop(&mut self) {
        // An error means that a killed process is not gone yet: an empty group is no harm.
        let _ = fs::remove_dir(&self.folder);
    }
}
