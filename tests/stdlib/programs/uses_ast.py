import ast

TEXT = '''
@decorated
def f(a, /, b: int = 1, *args, c=2, **more) -> None:
    """Text."""
    for x in range(3):
        if x > 1 and not b:
            yield (y := x) ** -2
        else:
            with open("a") as g, h:
                print(f"{x!r:>{b}}", *args, sep="")
    try:
        return [i async for i in z] if a else {**more, "k": lambda: 1}
    except (A, B) as e:
        raise e from None
    finally:
        del a[1:2, ::3]
'''


def main():
    tree = ast.parse(TEXT.replace("async ", ""))
    again = ast.unparse(tree)
    names = sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)})

    class Renamed(ast.NodeTransformer):
        def visit_Name(self, node):
            return ast.copy_location(ast.Name(node.id.upper(), node.ctx), node)

    renamed = ast.unparse(ast.fix_missing_locations(Renamed().visit(ast.parse("a + b[c]"))))
    literal = ast.literal_eval("{'a': [1, -2.5, (3,)], 'b': {4}, 'c': 1 + 2j}")
    try:
        ast.literal_eval("f(1)")
    except ValueError:
        return again, names, renamed, literal, ast.dump(ast.parse("x = 1"), indent=1), ast.get_docstring(tree.body[0])
