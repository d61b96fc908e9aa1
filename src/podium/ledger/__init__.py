"""Where calls become money: each attempt is announced before it leaves and accounted for when it ends.

`booked` wraps the provider of every attempt, also retries and side calls; `tariff` is the multiplication.
`app` wraps every provider with it; nothing above computes a price.
"""
