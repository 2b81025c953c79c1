//! Which instructions the processor has, which of them may be used, and which do the products.

use std::ffi::OsString;
use std::fmt;
use std::sync::OnceLock;

/// The environment variable that limits the instructions.
const VARIABLE: &str = "ALIGNSCOPE_INSTRUCTIONS";

/// Vector instructions, each with those before it.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "all but the first are x86's"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// What every processor of the architecture has.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512F.
    Avx512,
    /// AMX for bf16.
    Amx,
}

impl Level {
    pub(crate) const ALL: [Self; 4] = [Self::Portable, Self::Avx2, Self::Avx512, Self::Amx];

    /// As the environment variable has it.
    fn word(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Amx => "amx",
        }
    }
}

/// Why instructions that were asked for cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstructionsError {
    /// The environment variable has another word than those there are.
    Unknown {
        /// What it has.
        found: OsString,
    },
    /// The processor lacks them, or the system does not let this process use them.
    Lacking {
        /// The word asked for.
        asked: &'static str,
        /// The most that there is here.
        best: &'static str,
    },
}

impl fmt::Display for InstructionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { found } => {
                let words = Level::ALL.map(Level::word).join("`, `");
                write!(
                    f,
                    "the environment variable {VARIABLE} is `{}`, expected one of `{words}`; \
                     without it the best of the processor are used",
                    found.display()
                )
            }
            Self::Lacking { asked, best } => write!(
                f,
                "the environment variable {VARIABLE} is `{asked}`, but this processor has \
                 `{best}` at most; unset it, or set it to that or less"
            ),
        }
    }
}

impl std::error::Error for InstructionsError {}

/// Whether the environment variable `ALIGNSCOPE_INSTRUCTIONS` asks for instructions that can be
/// used: `portable`, `avx2`, `avx512` or `amx`; without it, or where it is empty, the best that the
/// processor has are used. It is read once: what is set later has no effect.
///
/// A program calls this at its start; all else here panics where this fails.
///
/// # Errors
/// The variable has another word, or the processor lacks what it names.
pub fn check_instructions() -> Result<(), InstructionsError> {
    chosen().map(|_| ())
}

/// The words of the instructions in use, and of the best that the processor has: `portable`, `avx2`,
/// `avx512` or `amx`.
///
/// # Errors
/// As for [`check_instructions`].
pub fn instructions() -> Result<[&'static str; 2], InstructionsError> {
    chosen().map(|level| [level, best()].map(Level::word))
}

/// The level in use.
///
/// # Panics
/// The environment variable asks for what cannot be used.
#[inline]
pub(crate) fn level() -> Level {
    #[cfg(test)]
    if let Some(level) = tests::LEVEL.get() {
        return level;
    }
    chosen().unwrap_or_else(|error| panic!("{error}"))
}

#[inline]
fn chosen() -> Result<Level, InstructionsError> {
    static CHOSEN: OnceLock<Result<Level, InstructionsError>> = OnceLock::new();
    match CHOSEN.get_or_init(|| choose(std::env::var_os(VARIABLE), best())) {
        Ok(level) => Ok(*level),
        Err(error) => Err(error.clone()),
    }
}

/// What is asked for, of what there is.
fn choose(asked: Option<OsString>, best: Level) -> Result<Level, InstructionsError> {
    let Some(found) = asked.filter(|word| !word.is_empty()) else {
        return Ok(best);
    };
    match Level::ALL.into_iter().find(|level| found == level.word()) {
        Some(level) if level <= best => Ok(level),
        Some(level) => Err(InstructionsError::Lacking { asked: level.word(), best: best.word() }),
        None => Err(InstructionsError::Unknown { found }),
    }
}

/// The best of this processor that the system lets this process use.
pub(crate) fn best() -> Level {
    #[cfg(target_arch = "x86_64")]
    {
        if !(is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")) {
            return Level::Portable;
        }
        if !is_x86_feature_detected!("avx512f") {
            return Level::Avx2;
        }
        if has_amx() { Level::Amx } else { Level::Avx512 }
    }
    #[cfg(not(target_arch = "x86_64"))]
    Level::Portable
}

/// What multiplies tiles of bf16.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "AMX and AVX-512 are x86's"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Instructions {
    Amx,
    /// AVX-512 for bf16.
    Vectors,
    /// AMX's sums in plain code.
    Emulation,
}

impl Instructions {
    /// The fastest of those that may be used.
    pub(crate) fn here() -> Self {
        #[cfg(target_arch = "x86_64")]
        if level() == Level::Amx {
            return Self::Amx;
        } else if has_avx512_bf16() {
            return Self::Vectors;
        }
        Self::Emulation
    }

    /// As the manifest names them.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Amx => "AMX",
            Self::Vectors => "AVX-512 BF16",
            Self::Emulation => "AMX, emulated",
        }
    }
}

/// The instructions of products in f32 here, which all give the same bits.
pub(crate) fn f32_instructions() -> &'static str {
    match level() {
        Level::Amx | Level::Avx512 => "AVX-512",
        Level::Avx2 => "AVX2",
        Level::Portable => "portable",
    }
}

/// Whether bf16 may be multiplied by AVX-512.
#[cfg(target_arch = "x86_64")]
pub(crate) fn has_avx512_bf16() -> bool {
    level() >= Level::Avx512 && is_x86_feature_detected!("avx512bf16")
}

/// Whether the processor's own instruction rounds to bf16: only beside those that multiply, so that
/// emulation stays what it is.
#[cfg(target_arch = "x86_64")]
pub(crate) fn has_bf16_rounding() -> bool {
    Instructions::here() != Instructions::Emulation
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512bf16")
}

/// Whether the processor has AMX for bf16, and the system lets this process use it: it is asked
/// once.
#[cfg(target_arch = "x86_64")]
pub(crate) fn has_amx() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        let leaf = std::arch::x86_64::__cpuid(0);
        if leaf.eax < 7 || !is_x86_feature_detected!("avx512f") {
            return false;
        }
        let features = std::arch::x86_64::__cpuid_count(7, 0).edx;
        let (bf16, tile) = (1 << 22, 1 << 24);
        features & bf16 != 0 && features & tile != 0 && tiles_are_permitted()
    })
}

/// Asks Linux for the state of the tiles, which it gives to processes that ask.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn tiles_are_permitted() -> bool {
    const ARCH_PRCTL: i64 = 158;
    const REQUEST_PERMISSION: i64 = 0x1023;
    const TILE_DATA: i64 = 18;
    let answer: i64;
    // SAFETY: the system call takes two numbers and changes nothing but what this process may use.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => answer,
            in("rdi") REQUEST_PERMISSION,
            in("rsi") TILE_DATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    answer == 0
}

#[cfg(all(target_arch = "x86_64", not(target_os = "linux")))]
fn tiles_are_permitted() -> bool {
    false
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;
    use std::io::Write;

    use super::*;

    thread_local! {
        /// The level that this thread's test has chosen.
        pub(super) static LEVEL: Cell<Option<Level>> = const { Cell::new(None) };
    }

    /// What `run` gives at each level that there is here, from the least on.
    pub(crate) fn at_each_level<T>(mut run: impl FnMut() -> T) -> Vec<(Level, T)> {
        /// A test that fails leaves the thread as it was.
        struct Restore;
        impl Drop for Restore {
            fn drop(&mut self) {
                LEVEL.set(None);
            }
        }
        let levels = Level::ALL.into_iter().filter(|level| *level <= best());
        levels
            .map(|level| {
                LEVEL.set(Some(level));
                let _restore = Restore;
                (level, run())
            })
            .collect()
    }

    /// The bits of these numbers.
    pub(crate) fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    /// The bits of these numbers.
    pub(crate) fn bits_of_f64(values: &[f64]) -> Vec<u32> {
        let halves = |value: &f64| [value.to_bits() as u32, (value.to_bits() >> 32) as u32];
        values.iter().flat_map(halves).collect()
    }

    /// Panics where two levels differ in a bit of `run`.
    pub(crate) fn assert_same_bits(what: &str, run: impl FnMut() -> Vec<u32>) {
        let found = at_each_level(run);
        let (first, expected) = &found[0];
        for (level, bits) in &found[1..] {
            let differ = bits.iter().zip(expected).filter(|(a, b)| a != b).count();
            assert!(
                differ == 0 && bits.len() == expected.len(),
                "{what}: {differ} of {} numbers differ between {level:?} and {first:?}",
                bits.len()
            );
        }
    }

    /// Says that a test found nothing to do on this processor, which is no failure.
    pub(crate) fn without_instruction(why: &str) {
        // Not by a macro, whose words are not shown of a test that passes.
        let _ = writeln!(std::io::stderr(), "skipped for want of an instruction: {why}");
    }

    #[test]
    fn a_lower_level_is_chosen_by_its_word_and_the_best_without_one() {
        for best in Level::ALL {
            assert_eq!(choose(None, best), Ok(best));
            assert_eq!(choose(Some("".into()), best), Ok(best));
            for level in Level::ALL.into_iter().filter(|level| *level <= best) {
                assert_eq!(choose(Some(level.word().into()), best), Ok(level));
            }
        }
    }

    #[test]
    fn a_word_that_is_none_and_a_level_that_lacks_are_errors_that_say_what_to_do() {
        let error = choose(Some("AVX2".into()), Level::Avx2).expect_err("capitals").to_string();
        assert!(error.contains("ALIGNSCOPE_INSTRUCTIONS is `AVX2`"), "{error}");
        assert!(error.contains("`portable`, `avx2`, `avx512`, `amx`"), "{error}");
        let error = choose(Some("avx512".into()), Level::Avx2).expect_err("more").to_string();
        assert!(error.contains("is `avx512`") && error.contains("`avx2` at most"), "{error}");
    }
}
