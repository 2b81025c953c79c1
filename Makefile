# `make check` is what the gate runs.
.PHONY: check fmt clippy doc test

check: fmt clippy doc test

fmt:
	cargo fmt --all -- --check

clippy:
	cargo clippy --release --workspace --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps

test:
	cargo test --release --workspace
