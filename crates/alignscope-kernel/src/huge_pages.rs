//! Large vectors on large pages.
//!
//! A product reads weights and activations of some megabytes again and again; on pages of 4 KiB the
//! processor looks up where they lie so often that a tenth of the time goes into it.

/// Vectors of so many bytes are worth it: some pages of 2 MiB.
const LARGE: usize = 4 << 20;

/// A vector of `len` times `value`, on large pages where the system has them to give.
///
/// From 4 MiB on it asks Linux for them; shorter vectors, and those on other systems, are as any.
pub fn vec<T: Clone>(len: usize, value: T) -> Vec<T> {
    let mut values = Vec::with_capacity(len);
    if len * size_of::<T>() >= LARGE {
        advise(&mut values);
    }
    values.resize(len, value);
    values
}

/// Makes `values` at least `len` long, with `value` where it is new. If it must move, all of it is
/// new, and what it held is lost; it never gets shorter.
pub fn grow<T: Clone>(values: &mut Vec<T>, len: usize, value: T) {
    if len > values.capacity() {
        *values = vec(len, value);
    } else if len > values.len() {
        values.resize(len, value);
    }
}

/// The first `len` of a buffer, which [grows](grow) if it must: then what it held is lost, else it
/// is still there.
pub fn first<T: Clone>(values: &mut Vec<T>, len: usize, value: T) -> &mut [T] {
    grow(values, len, value);
    &mut values[..len]
}

/// Asks for large pages under the room that a vector has. The system may not give them, and
/// nothing else changes.
#[cfg(target_os = "linux")]
fn advise<T>(values: &mut Vec<T>) {
    const PAGE: usize = 2 << 20;
    let start = values.as_mut_ptr() as usize;
    let end = start + values.capacity() * size_of::<T>();
    let (start, end) = (start.next_multiple_of(PAGE), end / PAGE * PAGE);
    if start < end {
        // SAFETY: these are whole pages within the vector's own allocation, and the advice changes
        // neither what they hold nor who may reach them.
        unsafe {
            libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_HUGEPAGE);
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn advise<T>(_: &mut Vec<T>) {}

/// Gives the system back what was freed. With each model some hundreds of vectors come and go, and
/// glibc's allocator keeps the room of many of them: a run of several models would grow by a
/// hundred megabytes with each. With another allocator than glibc's it does nothing.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it may be called at any time from any thread, and touches nothing that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_hold_what_they_should() {
        for len in [0, 1, 5 << 20] {
            assert!(vec(len, 7_u8).iter().all(|v| *v == 7), "{len}");
            assert_eq!(vec(len, 7_u8).len(), len);
        }
        let mut values = vec![1_u8; 3];
        grow(&mut values, 2, 0);
        assert_eq!(values, [1, 1, 1]);
        grow(&mut values, 5 << 20, 0);
        assert_eq!(values.len(), 5 << 20);
    }
}
