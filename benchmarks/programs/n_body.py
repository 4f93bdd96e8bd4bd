def advance(bodies, dt):
    for i, (p, v, m) in enumerate(bodies):
        for q, w, k in bodies[i + 1 :]:
            dx, dy, dz = p[0] - q[0], p[1] - q[1], p[2] - q[2]
            force = dt / (dx * dx + dy * dy + dz * dz + 0.01) ** 1.5
            v[0] -= dx * k * force
            v[1] -= dy * k * force
            v[2] -= dz * k * force
            w[0] += dx * m * force
            w[1] += dy * m * force
            w[2] += dz * m * force
    for p, v, _ in bodies:
        p[0] += dt * v[0]
        p[1] += dt * v[1]
        p[2] += dt * v[2]


def main(n=450):
    bodies = [([float(i), i * 0.5, -i * 0.25], [0.0, 0.1 * i, 0.0], 1.0 + i) for i in range(5)]
    for _ in range(n):
        advance(bodies, 0.01)
    return bodies[0][0][0]
