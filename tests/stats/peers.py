"""The judge's arithmetic from SciPy's distributions: a list of questions in JSON on standard input, answers on standard
output. Nothing here follows our formulae; each answer is a ratio of probabilities, or an integral over one."""

import json
import sys

import numpy as np
from scipy import integrate, optimize, special, stats


def odds(share, ratio):
    """The chance that a failure is the canary's, who fails `ratio` times as often."""
    return ratio * share / (1 - share + ratio * share)


def increment(canary_bad, control_bad, canary, control, theta, theta0):
    bad, share = canary_bad + control_bad, canary / (canary + control)
    against = stats.binom.logpmf(canary_bad, bad, odds(share, theta0))
    return stats.binom.logpmf(canary_bad, bad, odds(share, theta)) - against


def mixture(cash, weights, rows):
    """ln of all wealth after each row of log likelihood ratios, a hundredth dealt out anew after each."""
    prior = np.log(np.concatenate([[cash], (1 - cash) * np.asarray(weights)]))
    held, answers = prior.copy(), []
    for row in rows:
        held = held + np.concatenate([[0.0], row])
        total = special.logsumexp(held)
        answers.append(total)
        held = np.logaddexp(held + np.log(0.99), prior + np.log(0.01) + total)
    return answers


def comparison(minutes):
    ratios = np.geomspace(1.5, 256, 16)
    weights = np.log(ratios) ** -0.5
    rows = [[increment(*minute, ratio, 1.0) for ratio in ratios] for minute in minutes]
    return mixture(0.25, weights / weights.sum(), rows)


def below(limit, minutes):
    ratios = np.array([0.01, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85])
    rate = stats.binom.logpmf
    rows = [rate(bad, n, ratios * limit) - rate(bad, n, limit) for bad, n in minutes]
    return mixture(0.1, np.full(8, 1 / 8), rows)


def unit_split(assigned, shares):
    units, planned = sum(assigned), 1000 * np.asarray(shares)
    mixed = stats.dirichlet_multinomial.logpmf(assigned, planned, units)
    return mixed - stats.multinomial.logpmf(assigned, units, shares)


def interval(minutes, alpha):
    def likelihood(u):
        return sum(increment(*minute, np.exp(u), 1.0) for minute in minutes)

    found = optimize.minimize_scalar(lambda u: -likelihood(u), bounds=(-15, 15), method="bounded", options={"xatol": 1e-10})
    top = likelihood(found.x)

    def weighed(u):
        return np.exp(likelihood(u) - top) * stats.norm.pdf(u)

    points = sorted({float(found.x), 0.0})
    area, _ = integrate.quad(weighed, -30, 30, points=points, epsabs=0, epsrel=1e-13, limit=1000)
    evidence = top + np.log(area)

    def excess(u):
        return likelihood(u) - evidence - np.log(alpha)

    ends = [optimize.brentq(excess, far, found.x, xtol=1e-14) for far in (-30, 30)]
    return [np.exp(ends[0]), np.exp(ends[1]), evidence]


QUESTIONS = {f.__name__: f for f in (increment, comparison, below, unit_split, interval)}


def main():
    answers = []
    for question in json.load(sys.stdin):
        answer = QUESTIONS[question["ask"]](*question["of"])
        answers.append(np.atleast_1d(answer).tolist())
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
