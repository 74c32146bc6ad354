"""Pages, streams and buttons of the bakery."""

from django.urls import path

from demo_project.shop import feeds, people, views

app_name = "shop"

urlpatterns = [
    path("", views.shop, name="shop"),
    path("board/", views.board, name="board"),
    path("shelf/live/", feeds.ShelfFeed.as_view(), name="shelf-live"),
    path("board/live/", feeds.BoardFeed.as_view(), name="board-live"),
    path("bell/live/", feeds.BellFeed.as_view(), name="bell-live"),
    path("buy/<int:pk>/", views.buy, name="buy"),
    path("move/<int:pk>/", views.move, name="move"),
    path("read/", views.read, name="read"),
    path("doors/", views.doors, name="doors"),
    path("sign-in/", people.sign_in, name="sign-in"),
]
