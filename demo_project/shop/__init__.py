"""A bakery: a page to buy on, a bell, a board of orders, a live admin. What moves in it moves by feeds."""
