//! The user's source line of a node, from the stack trace that PyTorch's exporter keeps.

use crate::proto::Node;

/// Key of the trace in a node's metadata.
const STACK_TRACE: &str = "pkg.torch.onnx.stack_trace";
/// Longest line that errors carry.
const MAX_LENGTH: usize = 200;

/// `model.py:42, in forward: x = self.conv1(x)`: the last frame outside installed packages, or the last of all.
pub(crate) fn source_line(node: &Node) -> Option<String> {
    let trace = node
        .metadata_props
        .iter()
        .find(|entry| entry.key == STACK_TRACE)?;
    last_user_frame(&trace.value)
}

fn last_user_frame(trace: &str) -> Option<String> {
    let lines: Vec<&str> = trace.lines().collect();
    let mut installed = None;
    let mut own = None;
    for (k, line) in lines.iter().enumerate() {
        // File "/home/me/model.py", line 42, in forward
        let Some((path, rest)) = line
            .trim_start()
            .strip_prefix("File \"")
            .and_then(|rest| rest.split_once("\", line "))
        else {
            continue;
        };
        let (number, function) = rest.split_once(", in ").unwrap_or((rest, ""));
        let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let mut text = format!("{file}:{}", number.trim());
        if !function.trim().is_empty() {
            text = format!("{text}, in {}", function.trim());
        }
        let code = lines.get(k + 1).map(|code| code.trim());
        if let Some(code) = code.filter(|code| !code.is_empty() && !code.starts_with("File \"")) {
            text = format!("{text}: {code}");
        }
        let text = text
            .chars()
            .filter(|c| !c.is_control())
            .take(MAX_LENGTH)
            .collect();
        if path.contains("site-packages") || path.contains("dist-packages") {
            installed = Some(text);
        } else {
            own = Some(text);
        }
    }
    own.or(installed)
}

#[cfg(test)]
mod tests {
    use super::last_user_frame;

    #[test]
    fn the_last_user_frame_is_taken() {
        let trace = concat!(
            "  File \"/home/me/model.py\", line 42, in forward\n    x = self.block(x)\n",
            "  File \"/home/me/block.py\", line 7, in forward\n    return F.gelu(self.conv(x))\n",
            "  File \"/opt/lib/python3.11/site-packages/torch/nn/functional.py\", line 1, in gelu\n    return _gelu(x)\n",
        );
        let line = last_user_frame(trace).expect("a frame");
        assert_eq!(line, "block.py:7, in forward: return F.gelu(self.conv(x))");
    }

    #[test]
    fn installed_packages_are_better_than_nothing() {
        let trace = "File \"/lib/site-packages/timm/layers.py\", line 3, in forward\n    x = y\n";
        assert_eq!(
            last_user_frame(trace).as_deref(),
            Some("layers.py:3, in forward: x = y")
        );
        assert_eq!(last_user_frame("no frames\n"), None);
        assert_eq!(
            last_user_frame("File \"m.py\", line 5"),
            Some("m.py:5".to_owned())
        );
        let long = format!("File \"m.py\", line 5\n  {}\u{1b}[2J", "x".repeat(1000));
        assert_eq!(last_user_frame(&long).expect("a frame").len(), 200);
    }
}
