//! A target, its corpus and what is done with it.

use std::{
    cell::RefCell,
    fs, io,
    panic::catch_unwind,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use sha2::{Digest, Sha256};

use crate::mutation;

/// Number of inputs that were tried by this process.
pub static TRIED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Code that reads untrusted bytes, and what must hold of it.
pub struct Target {
    /// Its name, which is also that of the folder of its corpus.
    pub name: &'static str,
    /// Reads an input with the real code, and says whether it was accepted. It panics if something
    /// does not hold.
    pub(crate) read: fn(&[u8]) -> bool,
    /// Inputs that cannot be kept as text.
    pub(crate) made: fn() -> Vec<Vec<u8>>,
    /// Texts with a meaning to the code.
    pub(crate) words: &'static [&'static str],
    /// Mutations that a test tries.
    pub tested: u64,
}

/// Keeps the place and the message of a panic for [`Target::check`] instead of printing them.
pub fn catch_panics() {
    std::panic::set_hook(Box::new(|info| {
        PANIC.with_borrow_mut(|kept| *kept = Some(info.to_string()));
    }));
}

impl Target {
    /// The kept inputs, in the order of their names, and those that are made.
    ///
    /// # Errors
    /// When a kept input cannot be read.
    pub fn corpus(&self) -> io::Result<Vec<Vec<u8>>> {
        let mut paths: Vec<PathBuf> = match fs::read_dir(self.folder()) {
            Ok(entries) => entries.map(|it| it.map(|it| it.path())).collect::<io::Result<_>>()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        paths.sort_unstable();
        let mut inputs = paths.iter().map(fs::read).collect::<io::Result<Vec<_>>>()?;
        inputs.extend((self.made)());
        Ok(inputs)
    }

    /// The mutation of `corpus` with this number: always the same one.
    pub fn mutated(&self, corpus: &[Vec<u8>], number: u64) -> Vec<u8> {
        mutation::mutated(corpus, self.words, number)
    }

    /// Whether an input is accepted.
    ///
    /// # Errors
    /// What does not hold, after the place where that was noticed.
    pub fn check(&self, input: &[u8]) -> Result<bool, String> {
        TRIED.fetch_add(1, Ordering::Relaxed);
        catch_unwind(|| (self.read)(input))
            .map_err(|_| PANIC.take().unwrap_or_else(|| "a panic".to_owned()))
    }

    /// An input that fails, with fewer bytes as long as it still does.
    pub fn smallest(&self, input: &[u8]) -> Vec<u8> {
        let mut input = input.to_vec();
        let mut size = input.len().div_ceil(2);
        while size > 0 {
            let mut from = 0;
            while from < input.len() {
                let mut fewer = input.clone();
                fewer.drain(from..(from + size).min(input.len()));
                match self.check(&fewer) {
                    Err(_) => input = fewer,
                    Ok(_) => from += size,
                }
            }
            size /= 2;
        }
        input
    }

    /// Keeps an input in the corpus, under a name made of its bytes.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, input: &[u8]) -> io::Result<PathBuf> {
        let digest = hex::encode(Sha256::digest(input));
        let path = self.folder().join(format!("found-{}", &digest[..12]));
        fs::create_dir_all(self.folder())?;
        fs::write(&path, input)?;
        Ok(path)
    }

    fn folder(&self) -> PathBuf {
        [env!("CARGO_MANIFEST_DIR"), "corpus", self.name].iter().collect()
    }
}
