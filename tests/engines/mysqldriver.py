"""Django's driver for MySQL and MariaDB in the tests: PyMySQL, which is a wheel, or with MYSQL_DRIVER=mysqlclient that.

mysqlclient has to be compiled, so who wants it has installed it.
"""

import os


def choose() -> None:
    """To be called before Django connects."""
    driver = os.environ.get("MYSQL_DRIVER", "pymysql")
    if driver == "pymysql":
        import pymysql

        pymysql.install_as_MySQLdb()
    elif driver != "mysqlclient":
        raise ValueError(f"MYSQL_DRIVER={driver!r} is none of pymysql and mysqlclient")
