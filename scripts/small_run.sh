# shellcheck shell=bash disable=SC2034
# The inputs of a run of small models, and its options: for scripts that compare its tables between
# processors. To be sourced, from the root of the repository.
#
#   small_run FOLDER        makes FOLDER/models and FOLDER/images
#   $SMALL_RUN              what `alignscope` is asked for in FOLDER, without --out
#   $SMALL_TABLES           the tables that are compared

SMALL_MODELS="clip/base families/siglip families/dinov2 families/beit families/convnext"
SMALL_TABLES="scores.csv energy.csv findings.csv distances.parquet"
SMALL_RUN="run --quiet --dataset pairs --data images --precision f32 --resamples 200 --no-cache"
for distance in euclidean normalized-euclidean cosine correlation dot; do
    SMALL_RUN="$SMALL_RUN --distance $distance"
done
for model in ssim ssim-rgb psnr; do SMALL_RUN="$SMALL_RUN --model $model"; done
for model in $SMALL_MODELS; do SMALL_RUN="$SMALL_RUN --model models/${model#*/}"; done

small_run() {
    local golden=crates/alignscope/tests/golden folder=$1 model name
    mkdir -p "$folder/models" "$folder/images"
    for model in $SMALL_MODELS; do cp -r "$golden/$model" "$folder/models/"; done
    for name in original blur contrast jpeg noise; do
        cp "$golden/baseline/even_$name.jpg" "$folder/images/$name.jpg"
    done
    cat > "$folder/images/pairs.csv" <<PAIRS
reference,distorted,score
original.jpg,blur.jpg,3
original.jpg,contrast.jpg,6
original.jpg,jpeg.jpg,2
original.jpg,noise.jpg,5
blur.jpg,contrast.jpg,4
blur.jpg,jpeg.jpg,0
blur.jpg,noise.jpg,1
PAIRS
}
