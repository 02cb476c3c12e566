"""How large a loaded market is, where its ids begin, and the invented words in it."""

from __future__ import annotations

from dataclasses import dataclass

from marketplace.catalogue.search import SELLER

PACKS = 3  # of each product
LINES = 2  # of each order
SHOP, COMPANY = "演示果园", "演示果园（演示数据）"
DESCRIPTION = "产自{origin}。演示数据。"
BUYER, RECIPIENT = "买家", "李演示"
STREET, DOOR = "示例路 ", " 号"


@dataclass(frozen=True)
class Size:
    """Counts, the seconds between which it was sold, and numbers that no other load has."""

    sellers: int
    products: int
    orders: int
    towns: int
    kinds: int
    start: int
    end: int
    base: int  # the first id of sellers and goods
    listed: int  # the first rank in the lists
    salt: int
    seller_weight: int = SELLER

    def variant(self, product: str, pack: int) -> str:
        """The id of a product's pack, as SQL."""
        return f"{self.base} + {product} * {PACKS} + {pack}"
