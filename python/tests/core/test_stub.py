"""The hand-kept stub says what the native module has, and everything public is documented."""

import ast
import inspect
from pathlib import Path

import veritorch
from veritorch import _veritorch as native

STUB = Path(veritorch.__file__).with_name("_veritorch.pyi")


def names(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    return {node.name: node for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)}


def parameters(function: ast.FunctionDef) -> tuple[list[str], list[str]]:
    positional = [argument.arg for argument in function.args.args if argument.arg != "self"]
    return positional, [argument.arg for argument in function.args.kwonlyargs]


def actual_parameters(function: object) -> tuple[list[str], list[str]]:
    found = list(inspect.signature(function).parameters.values())  # type: ignore[arg-type]
    keyword = [p.name for p in found if p.kind is p.KEYWORD_ONLY]
    return [p.name for p in found if p.kind is not p.KEYWORD_ONLY and p.name != "self"], keyword


def test_stub_has_the_modules_members() -> None:
    stub = names(ast.parse(STUB.read_text()).body)
    public = {name: node for name, node in stub.items() if not name.startswith("_")}
    assert set(public) == {name for name in dir(native) if not name.startswith("_")}
    for name, node in public.items():
        if isinstance(node, ast.ClassDef):
            cls = getattr(native, name)
            members = names(node.body)
            assert set(members) == {member for member in dir(cls) if not member.startswith("_")}, name
            for member, definition in members.items():
                assert isinstance(definition, ast.FunctionDef)
                decorators = {ast.unparse(decorator) for decorator in definition.decorator_list}
                found = inspect.getattr_static(cls, member)
                assert ("property" in decorators) == inspect.isgetsetdescriptor(found), f"{name}.{member}"
                assert ("staticmethod" in decorators) == isinstance(found, staticmethod), f"{name}.{member}"
                if "property" not in decorators:
                    assert parameters(definition) == actual_parameters(getattr(cls, member)), f"{name}.{member}"
        else:
            assert isinstance(node, ast.FunctionDef)
            assert parameters(node) == actual_parameters(getattr(native, name)), name


def test_everything_public_is_documented() -> None:
    for name in veritorch.__all__:
        subject = getattr(veritorch, name)
        if name == "__version__":
            continue
        assert subject.__doc__, name
        assert subject.__module__ == "veritorch" or inspect.isfunction(subject), name
        if inspect.isclass(subject):
            for member, value in vars(subject).items():
                if not member.startswith("_") and (callable(value) or isinstance(value, property | classmethod)):
                    assert getattr(subject, member).__doc__ or value.__doc__, f"{name}.{member}"


def test_options_are_keyword_only() -> None:
    for function, positional in [
        (veritorch.compile, ["model", "example_inputs"]),
        (veritorch.evaluate, ["model", "x", "example_inputs"]),
        (veritorch.verify, ["key", "proof"]),
        (veritorch.Circuit.run, ["self", "x"]),
        (veritorch.Circuit.prove, ["self", "x"]),
    ]:
        found = inspect.signature(function).parameters.values()
        assert [p.name for p in found if p.kind is p.POSITIONAL_OR_KEYWORD] == positional


def test_package_is_typed() -> None:
    assert Path(veritorch.__file__).with_name("py.typed").is_file()
