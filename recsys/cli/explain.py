"""`recsys explain`: a user's list, or one item for a user, with what each part added and why."""

import argparse

from recsys.cli import options, output


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`recsys explain --registry REG --user U [--item I] [-n 10]`."""
    parser = subparsers.add_parser("explain", help="show a user's list, and why each item is in it")
    options.add_registry(parser)
    parser.add_argument(
        "--user", type=options.id_, required=True, metavar="U", help="a user_id; an unknown one is a newcomer"
    )
    parser.add_argument("--item", type=options.id_, metavar="I", help="explain this item only, whatever its rank")
    parser.add_argument("-n", type=options.positive, default=10, metavar="N", help="length of the list (default 10)")
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Rank, and print the list with its reasons."""
    from recsys.cli import lists
    from recsys.data.requests.request import Request
    from recsys.errors import DataError
    from recsys.pipeline.recommender.recommend import Recommender

    recommender = Recommender.load(arguments.registry)
    item: str | None = arguments.item
    if item is not None and item not in recommender.catalogue.vocabulary:
        raise DataError(f"the catalogue of version {recommender.version} has no item {item!r}")
    request = Request(user_id=arguments.user, candidates=None if item is None else (item,), n=arguments.n)
    ranked = recommender.recommend(request, explain=True)
    if item is not None and not ranked.ids:
        raise DataError(
            f"item {item!r} may not be listed for user {arguments.user!r}: it is not available, or not yet, or the "
            "rules (policy.seen, say) leave it out; there is nothing to explain"
        )
    if arguments.json:
        output.print_json(lists.user_as_json(recommender, arguments.user, ranked))
    else:
        lists.print_user(recommender, arguments.user, ranked)
    return 0
