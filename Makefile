# `make check` is what the gate runs. The Python package is left out: .ci/python builds and tests it.
.PHONY: check fmt clippy doc test

check: fmt clippy doc test

fmt:
	cargo fmt --all -- --check

clippy:
	cargo clippy --release --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps

# Tests that were skipped, for want of data or of an instruction, are counted and named at the end.
test:
	@bash -o pipefail -c 'cargo test --release 2>&1 | tee target/tests.txt'; status=$$?; \
	echo "$$(grep -c "^skipped" target/tests.txt) tests were skipped"; \
	grep "^skipped" target/tests.txt | sort | uniq -c; \
	exit $$status
