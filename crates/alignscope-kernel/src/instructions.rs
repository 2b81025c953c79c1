//! Which instructions the processor has, and which of them do the products.

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
    /// The fastest of this processor that the system lets this process use: it is asked once.
    pub(crate) fn here() -> Self {
        #[cfg(target_arch = "x86_64")]
        if has_amx() {
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

/// The instructions of products in f32 here.
pub(crate) fn f32_instructions() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if has_avx512() {
            return "AVX-512";
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return "AVX2";
        }
    }
    "portable"
}

/// Whether the products in f32 are our own.
#[cfg(target_arch = "x86_64")]
pub(crate) fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
}

/// Whether the processor multiplies bf16 by AVX-512.
#[cfg(target_arch = "x86_64")]
pub(crate) fn has_avx512_bf16() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16")
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
    static AVAILABLE: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
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
    use std::io::Write;

    /// Says that a test found nothing to do on this processor, which is no failure.
    pub(crate) fn without_instruction(why: &str) {
        // Not by a macro, whose words are not shown of a test that passes.
        let _ = writeln!(std::io::stderr(), "skipped for want of an instruction: {why}");
    }
}
