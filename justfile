# One word for each thing that CI does; it runs the same functions.

# Everything that CI runs
ci:
    .ci/run

fmt:
    cargo fmt

lint:
    .ci/run fmt lint docs licences

test:
    cargo test

# boto3, the AWS CLI and the Alibaba SDKs against the sandbox; our requests against the services' models
clients:
    .ci/run tests trace clients schemas

# Rewrite every expected output; read the difference before committing it
bless:
    TENURE_BLESS=1 TRYCMD=overwrite INSTA_UPDATE=always cargo test

# The numbers of BENCHMARKS.md
bench:
    benches/run
