//! The name of the processor.

/// What the processor calls itself (`Intel(R) Xeon(R) …`), or the name of its architecture
/// (`aarch64`) if it does not say. Never empty.
pub fn cpu_name() -> String {
    let name = brand();
    if name.is_empty() { std::env::consts::ARCH.to_owned() } else { name }
}

/// The brand string: 48 characters in twelve registers.
#[cfg(target_arch = "x86_64")]
fn brand() -> String {
    use std::arch::x86_64::__cpuid;
    const FIRST: u32 = 0x8000_0002;
    if __cpuid(0x8000_0000).eax < FIRST + 2 {
        return String::new();
    }
    let bytes: Vec<u8> = (FIRST..FIRST + 3)
        .map(__cpuid)
        .flat_map(|leaf| [leaf.eax, leaf.ebx, leaf.ecx, leaf.edx])
        .flat_map(u32::to_le_bytes)
        .take_while(|byte| *byte != 0)
        .collect();
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

#[cfg(not(target_arch = "x86_64"))]
fn brand() -> String {
    String::new()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_processor_has_a_name_that_can_be_printed() {
        let name = super::cpu_name();
        assert!(!name.is_empty() && name.chars().all(|c| !c.is_control()), "{name:?}");
    }
}
