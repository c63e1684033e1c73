"use strict";
// Draws each chart from the table beneath it, so that both always say the same. The
// colours are those of the legend; they follow when the page turns light or dark.
{
    const HOUR = 3600;
    const drawn = new Map();
    const styleOf = (element, part) => getComputedStyle(element, part);

    const numberOf = (cell) => (cell.dataset.value === "" ? null : Number(cell.dataset.value));

    const readTable = (table) => {
        const rows = [...table.tBodies[0].rows];
        return {
            labels: rows.map((row) => row.cells[0].dataset.label),
            titles: rows.map((row) => row.cells[0].textContent),
            names: [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.textContent),
            columns: (place) => rows.map((row) => numberOf(row.cells[place + 1])),
            told: (row, place) => rows[row].cells[place + 1].textContent,
        };
    };

    const axisWords = {
        number: (value) => value.toLocaleString("en-GB"),
        percent: (value) => `${value} %`,
        seconds: (value) => {
            if (value < 60) {
                return `${Number(value.toFixed(1))} s`;
            }
            return value < HOUR ? `${Math.round(value / 60)} min` : `${Math.round(value / HOUR)} h`;
        },
    };

    // Times are read in whole steps of a clock, not in thousands of seconds.
    const clockSteps = [1, 2, 5, 10, 30, 60, 300, 600, 1800, HOUR, 6 * HOUR, 24 * HOUR, 168 * HOUR];
    const stepFor = (most) => clockSteps.find((step) => most / step <= 6) || Math.ceil(most / 6 / HOUR) * HOUR;

    const datasets = (picture, table) =>
        [...picture.querySelectorAll(".chart-tone")].map((swatch, place) => {
            const colour = styleOf(swatch, "::before").getPropertyValue("color");
            return {
                label: table.names[place],
                data: table.columns(place),
                borderColor: colour,
                backgroundColor: colour,
                borderWidth: picture.dataset.kind === "bar" ? 0 : 2,
                borderDash: place % 2 ? [5, 4] : [],
                pointRadius: table.labels.length > 48 ? 0 : 2,
                pointHitRadius: 12,
                spanGaps: false,
                maxBarThickness: 14,
            };
        });

    const valueAxis = (picture, sets, ink, line) => {
        const unit = picture.dataset.unit;
        const most = Math.max(0, ...sets.flatMap((one) => one.data));
        const ticks = { color: ink, maxTicksLimit: 6, callback: axisWords[unit] };
        if (unit === "number") {
            ticks.precision = 0;
        } else if (unit === "seconds") {
            ticks.stepSize = stepFor(most);
        }
        return {
            beginAtZero: true,
            stacked: "stacked" in picture.dataset,
            suggestedMax: Number(picture.dataset.most) || undefined,
            ticks,
            grid: { color: line },
            border: { display: false },
        };
    };

    const settings = (picture) => {
        const table = readTable(document.getElementById(picture.dataset.chart));
        const sets = datasets(picture, table);
        const page = styleOf(picture);
        const line = styleOf(picture.querySelector(".chart-box")).getPropertyValue("border-top-color");
        return {
            type: picture.dataset.kind,
            data: { labels: table.labels, datasets: sets },
            options: {
                responsive: true,
                maintainAspectRatio: false,
                animation: false,
                interaction: { mode: "index", intersect: false },
                font: { family: page.fontFamily },
                plugins: {
                    legend: { display: false },
                    tooltip: {
                        callbacks: {
                            title: (items) => table.titles[items[0].dataIndex],
                            label: (item) => ` ${item.dataset.label}: ${table.told(item.dataIndex, item.datasetIndex)}`,
                        },
                    },
                },
                scales: {
                    x: {
                        stacked: "stacked" in picture.dataset,
                        ticks: { color: page.color, maxRotation: 0, autoSkipPadding: 16 },
                        grid: { display: false },
                        border: { color: line },
                    },
                    y: valueAxis(picture, sets, page.color, line),
                },
            },
        };
    };

    const draw = (picture) => {
        drawn.get(picture)?.destroy();
        picture.hidden = false;
        drawn.set(picture, new Chart(picture.querySelector("canvas"), settings(picture)));
    };

    const drawAll = () => document.querySelectorAll(".chart-picture").forEach(draw);

    if (window.Chart) {
        drawAll();
        new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-theme"] });
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
    }
}
