# `make check` is what the gate runs. The Python package is left out: .ci/python builds and tests it.
.PHONY: check fmt clippy doc test

check: fmt clippy doc test

fmt:
	cargo fmt --all -- --check

clippy:
	cargo clippy --release --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps

test:
	cargo test --release
