//! The user's source line of a node, from the stack trace that PyTorch's exporter keeps.

use crate::proto::Node;

/// Key of the trace in a node's metadata.
const STACK_TRACE: &str = "pkg.torch.onnx.stack_trace";

/// `model.py:42, in forward: x = self.conv1(x)`: the last frame outside installed packages.
pub(crate) fn source_line(node: &Node) -> Option<String> {
    let trace = node
        .metadata_props
        .iter()
        .find(|entry| entry.key == STACK_TRACE)?;
    let lines: Vec<&str> = trace.value.lines().collect();
    let mut found = None;
    for (k, line) in lines.iter().enumerate() {
        // File "/home/me/model.py", line 42, in forward
        let Some(rest) = line.trim_start().strip_prefix("File \"") else {
            continue;
        };
        let Some((path, rest)) = rest.split_once("\", line ") else {
            continue;
        };
        if ["site-packages", "dist-packages", "/torch/"]
            .iter()
            .any(|package| path.contains(package))
        {
            continue;
        }
        let (number, function) = rest.split_once(", in ").unwrap_or((rest, ""));
        let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let mut text = format!("{file}:{}", number.trim());
        if !function.trim().is_empty() {
            text = format!("{text}, in {}", function.trim());
        }
        let code = lines
            .get(k + 1)
            .map(|code| code.trim())
            .filter(|code| !code.is_empty() && !code.starts_with("File \""));
        if let Some(code) = code {
            text = format!("{text}: {code}");
        }
        found = Some(text.chars().filter(|c| !c.is_control()).take(200).collect());
    }
    found
}
