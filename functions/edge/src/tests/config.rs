//! The configuration: what a client knows before anyone signs in.

use serde_json::json;
use testing::TestApp;

#[tokio::test]
async fn a_type_of_listing_names_the_files_that_it_takes() {
    let app = TestApp::serving(&[crate::functions]);
    let config = app.visitor().get("/api/v1/config").await.json();
    let types = config["listing_types"].as_array().unwrap();
    let of = |name: &str| types.iter().find(|it| it["type"] == name).unwrap();
    let pictures = json!({
        "accept": ["image/png", "image/jpeg", "image/webp"],
        "bytes_max": 41_943_040,
        "files_max": 8,
    });
    for one in types {
        assert_eq!(one["previews"], pictures, "{one}");
        assert_eq!(one["assets"]["bytes_max"], 536_870_912, "{one}");
        assert_eq!(one["assets"]["files_max"], 4, "{one}");
    }
    let check = |name: &str, expected: &[&str]| {
        assert_eq!(of(name)["assets"]["accept"], json!(expected), "{name}");
    };
    check("camera_preset", &[]);
    check("lighting_preset", &[".zip", ".safetensors", ".cube"]);
    check("fibo_template", &[".zip", ".safetensors", ".cube"]);
    check("model_finetune", &[".safetensors"]);
}
