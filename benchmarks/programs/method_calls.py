class Account:
    def __init__(self):
        self.balance = 0
        self.entries = 0

    def add(self, amount):
        self.balance += amount
        self.count()
        return self

    def count(self):
        self.entries += 1


def main(n=12000):
    account = Account()
    for i in range(n):
        account.add(i).count()
    return account.balance, account.entries
