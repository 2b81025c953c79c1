//! Files of `torch.save` against `torch.load` (`golden/pickle/generate.py`): views and strides of a
//! shared storage, f16, bf16 and f64, a parameter; in a zip archive and as the older plain stream.
//! And tensors among what else training leaves in a checkpoint (`generate_opaque.py`).

use crate::golden;

use alignscope::weights::{Init, Weights};

#[test]
fn every_tensor_is_what_torch_loads_in_both_containers() {
    let folder = golden::folder("pickle");
    let expected = golden::Tensors::open(&folder.join("expected.safetensors"));
    for file in ["tensors.pth", "stream.pth", "dict.pth"] {
        let weights = Weights::open_file(&folder.join(file)).expect(file);
        let mut names = weights.names();
        names.sort();
        assert_eq!(names, expected.names(), "{file}");
        for name in names {
            let (shape, values) = expected.floats(&name);
            assert_eq!(weights.shape(&name), Some(shape.as_slice()), "{file}: {name}");
            let found = weights.tensor(&name, &shape, Init::Zeros).expect(&name);
            assert_eq!(found, values, "{file}: {name}");
        }
    }
}

#[test]
fn tensors_are_read_from_among_numpy_scalars_namespaces_and_optimizers() {
    let folder = golden::folder("pickle");
    for file in ["opaque_2", "opaque_3", "opaque_4", "opaque_5", "opaque_stream"] {
        let weights = Weights::open_file(&folder.join(format!("{file}.pth"))).expect(file);
        assert_eq!(weights.names(), ["bias", "weight"], "{file}");
        let values = |name, shape: &[usize]| weights.tensor(name, shape, Init::Zeros).expect(file);
        assert_eq!(values("weight", &[2, 3]), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], "{file}");
        assert_eq!(values("bias", &[2]), [0.5, -1.5], "{file}");
        // Only what is needed must be plain.
        let error = |name| weights.tensor(name, &[2, 3], Init::Zeros).expect_err(file).to_string();
        let hangs = error("hangs");
        assert!(hangs.contains("`hangs`") && hangs.contains("multiarray.scalar` (byte"), "{hangs}");
        assert!(error("args").contains("`argparse.Namespace` (byte"), "{}", error("args"));
        assert!(error("optimizer").contains("tensor `optimizer` is missing"), "{file}");
    }
}
