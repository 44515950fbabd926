"""
Every small wrong turn a module could take: one mutant is one changed place of its syntax tree.

What is changed: comparisons, arithmetic, ``and`` / ``or`` / ``not``, conditions (negated), numbers, texts and truth values, ``return``
(nothing instead of something), ``break`` / ``continue``, keyword arguments (left out), whole statements that are a call, a ``yield``
or an augmented assignment (left out). What is not: annotations, docstrings, imports, ``__slots__``, and the wording of raised errors.
"""

from __future__ import annotations

import ast
import copy
import dataclasses
from collections.abc import Callable, Iterator
from typing import Final

COMPARISONS: Final = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
ARITHMETIC: Final = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LONGEST: Final = 160  # of what is shown of a place
_SKIPPED_FIELDS: Final = {"annotation", "returns", "decorator_list", "type_params", "bases"}

Edit = Callable[[ast.AST], object]
"""Changes a node in place, or returns the node to put there instead."""


@dataclasses.dataclass(frozen=True)
class Mutant:
    """
    One changed place.

    Attributes:
        number: Its position among the mutants of the module.
        line: Where, in the original.
        scope: Qualified name of the outermost function it is in, with ``()``; a class, or nothing, for code that runs at import.
        was, now: The smallest statement or expression, before and after.
    """

    number: int
    line: int
    scope: str
    was: str
    now: str
    path: tuple[tuple[str, int], ...]
    edit: int

    def __str__(self) -> str:
        return f"{self.line}: {self.was}  =>  {self.now}"

    def applied(self, source: str) -> ast.Module:
        """Return the syntax tree of *source* with this mutant in it."""
        tree = ast.parse(source)
        _change(tree, self.path, self.edit)
        return ast.fix_missing_locations(tree)


def mutants(source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module's *source*, in the order of the file."""
    number = 0
    for path, node, scope in _places(ast.parse(source), (), ""):
        for index in range(len(_edits(node))):
            tree = ast.parse(source)
            now = _change(tree, path, index)
            yield Mutant(number, _line(node), scope, _text(node), now, path, index)
            number += 1


def _places(
    node: ast.AST, path: tuple[tuple[str, int], ...], scope: str
) -> Iterator[tuple[tuple[tuple[str, int], ...], ast.AST, str]]:
    for field, value in ast.iter_fields(node):
        if field in _SKIPPED_FIELDS or isinstance(node, ast.Raise | ast.Import | ast.ImportFrom):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else ((-1, value),):
            if not isinstance(child, ast.AST) or _is_apart(node, field, child):
                continue
            below = (*path, (field, index))
            here = scope.rpartition("()")[0] if isinstance(child, ast.arguments) else scope
            yield below, child, here
            yield from _places(child, below, _entered(here, child))


def _entered(scope: str, node: ast.AST) -> str:
    """
    Return the scope below *node*: the name of a function ends it, for what is nested in one is a part of it.

    Defaults of parameters belong to the scope around the function: they are computed when it is defined.
    """
    if not isinstance(node, SCOPES) or scope.endswith("()"):
        return scope
    name = f"{scope}.{node.name}" if scope else node.name
    return name if isinstance(node, ast.ClassDef) else f"{name}()"


def _is_apart(parent: ast.AST, field: str, node: ast.AST) -> bool:
    """Tell whether nobody can see *node* run: a docstring, the test for type checkers, the list of slots."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return True
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__slots__":
        return True
    return field == "args" and isinstance(parent, ast.FunctionDef) and not node.defaults and not any(node.kw_defaults)  # type: ignore[attr-defined]


def _change(tree: ast.Module, path: tuple[tuple[str, int], ...], edit: int) -> str:
    parent: ast.AST = tree
    for field, index in path[:-1]:
        value = getattr(parent, field)
        parent = value[index] if index >= 0 else value
    field, index = path[-1]
    held = getattr(parent, field)
    node = held[index] if index >= 0 else held
    changed = _edits(node)[edit](node)
    if isinstance(changed, ast.AST):
        ast.copy_location(changed, node)
        if index >= 0:
            held[index] = changed
        else:
            setattr(parent, field, changed)
        node = changed
    return _text(node)


def _line(node: ast.AST) -> int:
    return int(getattr(node.iter if isinstance(node, ast.comprehension) else node, "lineno", 0))


def _text(node: ast.AST) -> str:
    shown = node.ifs if isinstance(node, ast.comprehension) else [node]
    return " if ".join(" ".join(ast.unparse(ast.fix_missing_locations(copy.deepcopy(part))).split()) for part in shown)[:_LONGEST]


def _edits(node: ast.AST) -> list[Edit]:
    return [edit for kind, make in _MAKERS if isinstance(node, kind) for edit in make(node)]


def _compare(node: ast.Compare) -> Iterator[Edit]:
    for index, operator in enumerate(node.ops):

        def edit(found: ast.AST, index: int = index, new: type = COMPARISONS[type(operator)]) -> None:
            found.ops[index] = new()  # type: ignore[attr-defined]

        yield edit


def _binary(node: ast.BinOp) -> Iterator[Edit]:
    if type(node.op) in ARITHMETIC and not _is_type(node):
        yield lambda found: setattr(found, "op", ARITHMETIC[type(found.op)]())  # type: ignore[attr-defined]


def _is_type(node: ast.BinOp) -> bool:
    """``int | None`` names a type; it is no calculation."""
    sides = (node.left, node.right)
    return isinstance(node.op, ast.BitOr) and any(
        (
            isinstance(side, ast.Name)
            and (side.id[0].isupper() or side.id in {"str", "int", "list", "dict", "tuple", "float", "bool"})
        )
        or (isinstance(side, ast.Constant) and side.value is None)
        for side in sides
    )


def _bool(_node: ast.BoolOp) -> Iterator[Edit]:
    yield lambda found: setattr(found, "op", ast.Or() if isinstance(found.op, ast.And) else ast.And())  # type: ignore[attr-defined]


def _unary(node: ast.UnaryOp) -> Iterator[Edit]:
    if isinstance(node.op, ast.Not | ast.USub):
        yield lambda found: found.operand  # type: ignore[attr-defined]


def _negated(found: ast.AST) -> None:
    found.test = ast.UnaryOp(op=ast.Not(), operand=found.test)  # type: ignore[attr-defined]


def _condition(node: ast.If | ast.IfExp | ast.While) -> Iterator[Edit]:
    if not isinstance(node.test, ast.Compare | ast.UnaryOp):  # those are negated by themselves
        yield _negated


def _constant(node: ast.Constant) -> Iterator[Edit]:
    value = node.value
    if isinstance(value, bool):
        yield lambda found: setattr(found, "value", not value)
    elif isinstance(value, int | float):
        yield lambda found: setattr(found, "value", value + 1)
    elif isinstance(value, str):
        yield lambda found: setattr(found, "value", f"XX{value}" if value else "XX")


def _return(node: ast.Return) -> Iterator[Edit]:
    if node.value is not None and not isinstance(node.value, ast.Constant):  # a constant is changed by itself
        yield lambda found: setattr(found, "value", ast.Constant(value=None))


def _jump(node: ast.Break | ast.Continue) -> Iterator[Edit]:
    yield lambda _found: ast.Continue() if isinstance(node, ast.Break) else ast.Break()


def _statement(node: ast.Expr | ast.AugAssign) -> Iterator[Edit]:
    if isinstance(node, ast.AugAssign) or isinstance(node.value, ast.Call):
        yield lambda _found: ast.Pass()
    elif isinstance(node.value, ast.Yield | ast.YieldFrom):  # still a generator, but this yields nothing
        nothing = ast.YieldFrom(value=ast.Tuple(elts=[], ctx=ast.Load()))
        yield lambda _found: ast.Expr(value=nothing)


def _comprehension(node: ast.comprehension) -> Iterator[Edit]:
    for index in range(len(node.ifs)):

        def edit(found: ast.AST, index: int = index) -> None:
            found.ifs[index] = ast.Constant(value=True)  # type: ignore[attr-defined]

        yield edit


def _call(node: ast.Call) -> Iterator[Edit]:
    for index in range(len(node.keywords)):

        def edit(found: ast.AST, index: int = index) -> None:
            del found.keywords[index]  # type: ignore[attr-defined]

        yield edit


_MAKERS: Final = (
    (ast.Compare, _compare),
    (ast.BinOp, _binary),
    (ast.BoolOp, _bool),
    (ast.UnaryOp, _unary),
    ((ast.If, ast.IfExp, ast.While), _condition),
    (ast.Constant, _constant),
    (ast.Return, _return),
    ((ast.Break, ast.Continue), _jump),
    ((ast.Expr, ast.AugAssign), _statement),
    (ast.comprehension, _comprehension),
    (ast.Call, _call),
)
