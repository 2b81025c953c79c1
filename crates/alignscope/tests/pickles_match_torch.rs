//! Files of `torch.save` against `torch.load` (`golden/pickle/generate.py`): views and strides of a
//! shared storage, f16, bf16 and f64, a parameter; in a zip archive and as the older plain stream.

mod golden;

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
