// A prebuilt extension of JupyterLab 4 and Notebook 7, as it is: a cell that begins with a magic of another language than the
// notebook's has the colours of that language. A container of webpack's module federation needs two functions, `init` and `get`.
(() => {
    const SQL = "text/x-sql", SCALA = "text/x-scala", PYTHON = "text/x-ipython", R = "text/x-rsrc", JSON_TEXT = "application/json";
    const MIME_TYPES = new Map(Object.entries({
        sql: SQL, sparksql: SQL, livy_sql: SQL,
        spark: SCALA, scala: SCALA, livy_spark: SCALA,
        pyspark: PYTHON, livy_pyspark: PYTHON, livy_batch: PYTHON, local: PYTHON,
        sparkr: R, livy_sparkr: R,
        configure: JSON_TEXT, livy_configure: JSON_TEXT,
    }));
    // Blank lines, comments of any of these languages, and magics that run the cell below them.
    const ABOVE = /^\s*(?:(?:#|--|\/\/).*|%%(?:time|capture)\b.*)?$/;

    /** Of the cell's magic; undefined where it has none of these. */
    const mimeTypeOf = (source) => {
        for (const [line] of source.matchAll(/^.*$/gm)) {
            if (!ABOVE.test(line)) return MIME_TYPES.get(/^\s*%%(\w+)/.exec(line)?.[1]);
        }
        return undefined;
    };

    /** The notebook sets the type of all cells when it is opened and when its kernel changes; each time it is set again here. */
    const follow = (cell, notebook) => {
        if (cell.type !== "code") return;
        let isOurs = false;
        const update = () => {
            const wanted = mimeTypeOf(cell.sharedModel.getSource());
            if (wanted === undefined && !isOurs) return;
            isOurs = wanted !== undefined;
            cell.mimeType = wanted ?? notebook.codeMimetype;
        };
        cell.contentChanged.connect(update);
        cell.mimeTypeChanged.connect(update);
        update();
    };

    const followNotebook = (notebook) => {
        let followed = null;
        const begin = () => {
            const cells = notebook.model?.cells;
            if (!cells || cells === followed) return;
            followed = cells;
            for (const cell of cells) follow(cell, notebook);
            cells.changed.connect((_, change) => {
                if (change.type === "add" || change.type === "set") change.newValues.forEach((cell) => follow(cell, notebook));
            });
        };
        notebook.modelChanged.connect(begin);
        begin();
    };

    const pluginOf = (INotebookTracker) => ({
        id: "fabric-livy-magic:cell-colours",
        description: "Colours of the language that a cell's magic names.",
        autoStart: true,
        optional: [INotebookTracker], // Notebook 7 has none on its page of files
        activate: (_, tracker) => {
            tracker?.forEach((panel) => followNotebook(panel.content));
            tracker?.widgetAdded.connect((_, panel) => followNotebook(panel.content));
        },
    });

    let scope;
    (window._JUPYTERLAB ??= {})["fabric-livy-magic"] = {
        init: (shared) => { scope = shared; },
        get: async () => {
            const offered = Object.values(scope["@jupyterlab/notebook"]);
            const notebook = (await (offered.find((one) => one.loaded) ?? offered[0]).get())();
            return () => ({ __esModule: true, default: pluginOf(notebook.INotebookTracker) });
        },
    };
})();
